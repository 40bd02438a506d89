r"""Read the tables of `tokkit.text.regex.characters.unicode_properties` out of the engines.

Run `python scripts/make_unicode_properties.py` with the `dev` extra installed. It asks tiktoken
(fancy-regex) about every code point, because tiktoken skips what a pattern does not match, so
that decoding the encoded text leaves the matches. Agreement with Oniguruma is the business of
`tests/text/regex/characters/test_unicode_properties.py`. What the pretokenizers of
`tokenizers` call digits, punctuation and scripts is asked of these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import tiktoken
from numpy.typing import NDArray
from tokenizers import Regex
from tokenizers.pre_tokenizers import Digits, PreTokenizer, Punctuation, Split, UnicodeScripts

from tokkit.text.regex.characters.unicode_properties import GENERAL_CATEGORIES, N_CODE_POINTS

OUTPUT = Path(__file__).parents[1] / "tokkit/text/regex/characters/unicode_properties.npz"
CHARACTERS = "".join(chr(c) for c in range(N_CODE_POINTS) if not 0xD800 <= c <= 0xDFFF)
BYTE_RANKS = {bytes([value]): value for value in range(256)}

# Unicode 16.0: every script, long name then four-letter codes, in the loose form of the tables.
SCRIPTS = """
adlam adlm; ahom; anatolianhieroglyphs hluw; arabic arab; armenian armn; avestan avst; balinese
bali; bamum bamu; bassavah bass; batak batk; bengali beng; bhaiksuki bhks; bopomofo bopo; brahmi
brah; braille brai; buginese bugi; buhid buhd; canadianaboriginal cans; carian cari;
caucasianalbanian aghb; chakma cakm; cham; cherokee cher; chorasmian chrs; common zyyy; coptic
copt qaac; cuneiform xsux; cypriot cprt; cyprominoan cpmn; cyrillic cyrl; deseret dsrt; devanagari
deva; divesakuru diak; dogra dogr; duployan dupl; egyptianhieroglyphs egyp; elbasan elba; elymaic
elym; ethiopic ethi; garay gara; georgian geor; glagolitic glag; gothic goth; grantha gran; greek
grek; gujarati gujr; gunjalagondi gong; gurmukhi guru; gurungkhema gukh; hangul hang; hani han;
hanifirohingya rohg; hanunoo hano; hatran hatr; hebrew hebr; hiragana hira; imperialaramaic armi;
inherited qaai zinh; inscriptionalpahlavi phli; inscriptionalparthian prti; javanese java; kaithi
kthi; kannada knda; katakana kana; kawi; kayahli kali; kharoshthi khar; khitansmallscript kits;
khmer khmr; khojki khoj; khudawadi sind; kiratrai krai; laoo lao; latin latn; lepcha lepc; limbu
limb; lineara lina; linearb linb; lisu; lycian lyci; lydian lydi; mahajani mahj; makasar maka;
malayalam mlym; mandaic mand; manichaean mani; marchen marc; masaramgondi gonm; medefaidrin medf;
meeteimayek mtei; mendekikakui mend; meroiticcursive merc; meroitichieroglyphs mero; miao plrd;
modi; mongolian mong; mroo mro; multani mult; myanmar mymr; nabataean nbat; nagmundari nagm;
nandinagari nand; newa; newtailue talu; nkoo nko; nushu nshu; nyiakengpuachuehmong hmnp; ogham
ogam; olchiki olck; oldhungarian hung; olditalic ital; oldnortharabian narb; oldpermic perm;
oldpersian xpeo; oldsogdian sogo; oldsoutharabian sarb; oldturkic orkh; olduyghur ougr; olonal
onao; oriya orya; osage osge; osmanya osma; pahawhhmong hmng; palmyrene palm; paucinhau pauc;
phagspa phag; phoenician phnx; psalterpahlavi phlp; rejang rjng; runic runr; samaritan samr;
saurashtra saur; sharada shrd; shavian shaw; siddham sidd; signwriting sgnw; sinhala sinh; sogdian
sogd; sorasompeng sora; soyombo soyo; sundanese sund; sunuwar sunu; sylotinagri sylo; syriac syrc;
tagalog tglg; tagbanwa tagb; taile tale; taitham lana; taiviet tavt; takri takr; tamil taml;
tangsa tnsa; tangut tang; telugu telu; thaana thaa; thai; tibetan tibt; tifinagh tfng; tirhuta
tirh; todhri todr; toto; tulutigalari tutg; ugaritic ugar; vaii vai; vithkuqi vith; wancho wcho;
warangciti wara; yezidi yezi; yiii yi; zanabazarsquare zanb
"""

# Every binary property that both engines know, long name then short ones.
BINARY_PROPERTIES = """
whitespace wspace space; alphabetic alpha; uppercase upper; lowercase lower; emoji;
emojipresentation epres; emojimodifier emod; emojimodifierbase ebase; emojicomponent ecomp;
extendedpictographic extpict; asciihexdigit ahex; hexdigit hex; idstart ids; idcontinue idc;
xidstart xids; xidcontinue xidc; ideographic ideo; unifiedideograph uideo; dash; diacritic dia;
extender ext; quotationmark qmark; terminalpunctuation term; sentenceterminal sterm;
patternwhitespace patws; patternsyntax patsyn; defaultignorablecodepoint di; variationselector vs;
joincontrol joinc; math; cased; caseignorable ci; changeswhenlowercased cwl;
changeswhenuppercased cwu; changeswhentitlecased cwt; changeswhencasefolded cwcf;
changeswhencasemapped cwcm; graphemebase grbase; graphemeextend grext; graphemelink grlink;
regionalindicator ri; radical; softdotted sd; logicalorderexception loe;
noncharactercodepoint nchar; idsbinaryoperator idsb; idstrinaryoperator idst;
idsunaryoperator idsu; deprecated dep; bidicontrol bidic; hyphen; otheralphabetic oalpha;
othermath omath; prependedconcatenationmark pcm; idcompatmathstart; idcompatmathcontinue;
modifiercombiningmark mcm; otherdefaultignorablecodepoint odi; othergraphemeextend ogrext;
otheridcontinue oidc; otheridstart oids; otherlowercase olower; otheruppercase oupper
"""


def entries(listing: str) -> list[str]:
    """The entries of one of the lists above."""
    return [" ".join(entry.split()) for entry in listing.split(";")]


def matches(pattern: str, text: str = CHARACTERS) -> list[int]:
    """Sorted code points of `text` that `pattern`, which takes one character, matches."""
    engine = tiktoken.Encoding(
        "probe", pat_str=pattern, mergeable_ranks=BYTE_RANKS, special_tokens={}
    )
    return sorted({ord(c) for c in bytes(engine.encode_ordinary(text)).decode()})


def to_ranges(code_points: list[int]) -> NDArray[np.int32]:
    """Int32 (n, 2), inclusive, of sorted code points."""
    points = np.array(code_points)
    cuts = np.flatnonzero(np.diff(points) > 1)
    starts = points[np.append(0, cuts + 1)]
    ends = points[np.append(cuts, len(points) - 1)]
    return np.stack([starts, ends], axis=1).astype(np.int32)


def to_runs(classes: list[list[int]]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Starts and values of the runs of a partition; code points in no class get `len(classes)`."""
    values = np.full(N_CODE_POINTS, len(classes), dtype=np.uint8)
    for index, code_points in enumerate(classes):
        values[code_points] = index
    starts = np.append(0, np.flatnonzero(np.diff(values)) + 1).astype(np.int32)
    return starts, values[starts]


def case_classes() -> list[list[int]]:
    """Sets of two or more characters that match one another under `(?i)`."""
    cased = matches(r"[\p{CWCF}\p{CWCM}]")
    text = "".join(map(chr, cased))
    classes = {tuple(matches(rf"(?i:\x{{{c:X}}})", text)) for c in cased}
    return sorted(list(members) for members in classes if len(members) > 1)


def multiple_folds() -> list[str]:
    """What single characters match under `(?i)` in Oniguruma beside single ones: "ß ss"."""
    candidates = ((c, c.casefold()) for c in CHARACTERS if len(c.casefold()) > 1)
    found: list[str] = []
    for character, folded in candidates:
        pattern = Split(Regex(f"(?i:{character})"), "isolated")
        if len(pattern.pre_tokenize_str(f".{folded}.")) == 3:
            found.append(f"{character} {folded}")
    return found


def cut_out(pretokenizer: PreTokenizer) -> list[int]:
    """Characters that a pretokenizer cuts out of a word and keeps."""
    split = pretokenizer.pre_tokenize_str
    return [ord(c) for c in CHARACTERS if len(split(f"a{c}a")) == 3]


def tokenizers_scripts() -> list[list[int]]:
    """Characters by what `UnicodeScripts` takes for their script, but those that go with any."""
    split = UnicodeScripts().pre_tokenize_str
    scripted = "".join(c for c in CHARACTERS if split(c))
    members: dict[str, list[int]] = {}
    for run, _ in split(scripted):
        known = next((c for c in members if len(split(c + run[0])) == 1), run[0])
        members.setdefault(known, []).extend(map(ord, run))
    return [sorted(code_points) for code_points in members.values()]


def main() -> None:
    """Write the data file."""
    categories = [matches(rf"\p{{{name}}}") for name in GENERAL_CATEGORIES]
    category_starts, category_values = to_runs(categories)
    scripts, binaries = entries(SCRIPTS), entries(BINARY_PROPERTIES)
    script_starts, script_values = to_runs([matches(rf"\p{{{s.split()[0]}}}") for s in scripts])
    classes = case_classes()
    tokenizers_starts, tokenizers_values = to_runs(tokenizers_scripts())
    names = [name.split()[0] for name in binaries]
    by_property = {name: to_ranges(matches(rf"\p{{{name}}}")) for name in names}
    np.savez_compressed(
        OUTPUT,
        category_starts=category_starts,
        category_values=category_values,
        script_starts=script_starts,
        script_values=script_values,
        script_names=np.array(scripts),
        tokenizers_script_starts=tokenizers_starts,
        tokenizers_script_values=tokenizers_values,
        multiple_folds=np.array(multiple_folds()),
        binary_names=np.array(binaries),
        tokenizers_digit=to_ranges(cut_out(Digits(individual_digits=True))),
        tokenizers_punctuation=to_ranges(cut_out(Punctuation())),
        case_members=np.array([c for members in classes for c in members], dtype=np.int32),
        case_sizes=np.array([len(members) for members in classes], dtype=np.int32),
        **cast(Any, by_property),
    )
    print(f"{OUTPUT}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
