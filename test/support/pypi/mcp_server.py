"""A server of the 2025 protocol over stdio, with nothing but Python and one dependency."""

import json
import sys

import slipway_test_greeting

TOOL = {
    "name": "greet",
    "description": "Greets.",
    "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}


def answer(method, params):
    if method == "initialize":
        server = {"name": "slipway-test-server", "version": VERSION}
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call" and params.get("name") == "greet":
        text = f"{slipway_test_greeting.greet(params['arguments']['name'])} (server {VERSION})"
        return {"content": [{"type": "text", "text": text}]}
    return None


def main():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        result = answer(message["method"], message.get("params") or {})
        reply = {"result": result} if result is not None else {"error": {"code": -32601, "message": "unknown method"}}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **reply}), flush=True)
