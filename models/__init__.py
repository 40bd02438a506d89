"""Learn the units: networks over bytes, words and tokens; import as `tokkit.models`.

Read `text_models` (what models of text offer: windows, states, learning), then `blocks`,
the parts that they share, `byte`, the plainest of them, and `subword`. `words` is about units of
several bytes, which are what the backbones of `spacebyte` and `hierarchical` read, `end_of_word`
about models that write a symbol for the end of a word, as `word_pooled` does. `byteified` stands on
the backbone of a token model. `vqgraph` is a tokenizer of the nodes of graphs, `flextok` one of
pictures, `dm_codec` one of speech; `checkpoints` are small ones that come with tokkit. `saving` is
how each becomes a folder, and `training` is the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokkit.exports import exported

if TYPE_CHECKING:
    from tokkit.models.blocks.options import NgramConfig, StackConfig
    from tokkit.models.byte.config import ByteConfig
    from tokkit.models.byte.model import ByteTransformer
    from tokkit.models.byteified.byteify import byteify
    from tokkit.models.byteified.config import ByteifiedConfig, DecoderConfig, TokenModelConfig
    from tokkit.models.byteified.model import Byteified
    from tokkit.models.checkpoints.samples import sample_signals
    from tokkit.models.dm_codec.config import DMCodecConfig, DMCodecRecipe
    from tokkit.models.dm_codec.model import DMCodec
    from tokkit.models.dm_codec.recordings import Recording, Recordings
    from tokkit.models.dm_codec.speech_files import read_recordings
    from tokkit.models.dm_codec.wav_files import read_wav, write_wav
    from tokkit.models.flextok.config import FlexTokConfig, FlexTokRecipe
    from tokkit.models.flextok.generator import GeneratorConfig, PictureGenerator
    from tokkit.models.flextok.labelled_ids import LabelledIds
    from tokkit.models.flextok.model import FlexTok
    from tokkit.models.flextok.picture_files import read_pictures
    from tokkit.models.flextok.pictures import Pictures
    from tokkit.models.flextok.release.reading import read_release
    from tokkit.models.hierarchical.config import HierarchicalConfig
    from tokkit.models.hierarchical.model import HierarchicalTransformer
    from tokkit.models.spacebyte.config import SpaceByteConfig
    from tokkit.models.spacebyte.model import SpaceByte
    from tokkit.models.subword.config import SubwordConfig
    from tokkit.models.subword.model import SubwordTransformer
    from tokkit.models.text_models.corpus import Texts
    from tokkit.models.vqgraph.config import VQGraphConfig, VQGraphRecipe
    from tokkit.models.vqgraph.graph_files import read_labelled_graph
    from tokkit.models.vqgraph.labelled import LabelledGraph
    from tokkit.models.vqgraph.model import VQGraph
    from tokkit.models.word_pooled.config import WordPooledConfig
    from tokkit.models.word_pooled.model import WordPooledTransformer
    from tokkit.models.words.cutting import UnitOptions

__all__ = [
    "ByteConfig",
    "ByteTransformer",
    "Byteified",
    "ByteifiedConfig",
    "DMCodec",
    "DMCodecConfig",
    "DMCodecRecipe",
    "DecoderConfig",
    "FlexTok",
    "FlexTokConfig",
    "FlexTokRecipe",
    "GeneratorConfig",
    "HierarchicalConfig",
    "HierarchicalTransformer",
    "LabelledGraph",
    "LabelledIds",
    "NgramConfig",
    "PictureGenerator",
    "Pictures",
    "Recording",
    "Recordings",
    "SpaceByte",
    "SpaceByteConfig",
    "StackConfig",
    "SubwordConfig",
    "SubwordTransformer",
    "Texts",
    "TokenModelConfig",
    "UnitOptions",
    "VQGraph",
    "VQGraphConfig",
    "VQGraphRecipe",
    "WordPooledConfig",
    "WordPooledTransformer",
    "byteify",
    "read_labelled_graph",
    "read_pictures",
    "read_recordings",
    "read_release",
    "read_wav",
    "sample_signals",
    "write_wav",
]

_HOMES = {
    "ByteConfig": ".byte.config",
    "ByteTransformer": ".byte.model",
    "Byteified": ".byteified.model",
    "ByteifiedConfig": ".byteified.config",
    "DMCodec": ".dm_codec.model",
    "DMCodecConfig": ".dm_codec.config",
    "DMCodecRecipe": ".dm_codec.config",
    "DecoderConfig": ".byteified.config",
    "FlexTok": ".flextok.model",
    "FlexTokConfig": ".flextok.config",
    "FlexTokRecipe": ".flextok.config",
    "GeneratorConfig": ".flextok.generator",
    "HierarchicalConfig": ".hierarchical.config",
    "HierarchicalTransformer": ".hierarchical.model",
    "LabelledGraph": ".vqgraph.labelled",
    "LabelledIds": ".flextok.labelled_ids",
    "NgramConfig": ".blocks.options",
    "PictureGenerator": ".flextok.generator",
    "Pictures": ".flextok.pictures",
    "Recording": ".dm_codec.recordings",
    "Recordings": ".dm_codec.recordings",
    "SpaceByte": ".spacebyte.model",
    "SpaceByteConfig": ".spacebyte.config",
    "StackConfig": ".blocks.options",
    "SubwordConfig": ".subword.config",
    "SubwordTransformer": ".subword.model",
    "Texts": ".text_models.corpus",
    "TokenModelConfig": ".byteified.config",
    "UnitOptions": ".words.cutting",
    "VQGraph": ".vqgraph.model",
    "VQGraphConfig": ".vqgraph.config",
    "VQGraphRecipe": ".vqgraph.config",
    "WordPooledConfig": ".word_pooled.config",
    "WordPooledTransformer": ".word_pooled.model",
    "byteify": ".byteified.byteify",
    "read_labelled_graph": ".vqgraph.graph_files",
    "read_pictures": ".flextok.picture_files",
    "read_recordings": ".dm_codec.speech_files",
    "read_release": ".flextok.release.reading",
    "read_wav": ".dm_codec.wav_files",
    "sample_signals": ".checkpoints.samples",
    "write_wav": ".dm_codec.wav_files",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562): most of them need torch."""
    return exported(__name__, _HOMES, name)
