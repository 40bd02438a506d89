"""What to paste into editors, so that they use a server: `setup_help`."""

from __future__ import annotations

from collections.abc import Sequence

_HELP = """\
serving {names} at {url}; stop with Ctrl-C

  curl        curl {url}/v1/completions{curl_key} -d '{{"prompt": "They hired an intermed", "max_tokens": 16}}'
  Continue    ~/.continue/config.yaml
                name: tokkit
                version: 0.0.1
                schema: v1
                models:
                  - {{name: tokkit, provider: mistral, model: {first}, apiBase: {url}/v1, apiKey: {key},
                     roles: [autocomplete]}}
  Vim         let g:llama_config = {{'endpoint_fim': '{url}/infill', 'api_key': '{vim_key}'}}
  VS Code     llama-vscode: "llama-vscode.endpoint": "{url}"{code_key}
  Zed         settings.json: "edit_predictions": {{"provider": "open_ai_compatible_api",
                "open_ai_compatible_api": {{"api_url": "{url}/v1/completions", "model": "{first}",
                  "prompt_format": "qwen", "max_output_tokens": 64}}}}{zed_key}

Try it in a browser: {url}/
"""  # noqa: E501  # a line to paste is a line

_ZED_KEY = "ZED_OPEN_AI_COMPATIBLE_EDIT_PREDICTION_API_KEY"


def setup_help(url: str, names: Sequence[str], has_key: bool) -> str:
    """Lines for a terminal.

    Args:
        url: of the server, without a path.
        names: of its models; the first is asked where a request names none.
        has_key: whether clients must send one.
    """
    return _HELP.format(
        url=url,
        names=", ".join(names),
        first=names[0],
        key="YOUR-KEY" if has_key else "none",
        vim_key="YOUR-KEY" if has_key else "",
        code_key=', "llama-vscode.api_key": "YOUR-KEY"' if has_key else "",
        zed_key=f"\n                {_ZED_KEY}=YOUR-KEY in its environment" if has_key else "",
        curl_key=" -H 'Authorization: Bearer YOUR-KEY'" if has_key else "",
    )
