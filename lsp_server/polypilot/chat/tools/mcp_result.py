"""What a tool of a server answers, as text."""

from __future__ import annotations

import json

import mcp_types as types

from polypilot.chat.tools.mcp_values import said


def text_of(result: types.CallToolResult) -> str:
    """What a model gets of a result: its texts, and a word on what is left out."""
    parts: list[str] = []
    for block in result.content:
        if isinstance(block, types.TextContent):
            parts.append(block.text)
        elif isinstance(block, types.EmbeddedResource):
            resource = block.resource
            if isinstance(resource, types.TextResourceContents):
                parts.append(resource.text)
            else:
                parts.append("(data was left out)")
        elif isinstance(block, types.ResourceLink):
            parts.append(f"(a link was left out: {said(str(block.uri))})")
        else:
            parts.append(f"({'a picture' if block.type == 'image' else 'a sound'} was left out)")
    if not parts and result.structured_content is not None:
        parts.append(json.dumps(result.structured_content, ensure_ascii=False, indent=1))
    return "\n".join(parts)
