"""The Tasks API as tools for an AI agent, over MCP: TASKS_URL=https://... TASKS_TOKEN=tasks_... python server.py"""

import os

import httpx2
from fastmcp import FastMCP

url, headers = os.environ["TASKS_URL"], {"Authorization": f"Bearer {os.environ['TASKS_TOKEN']}"}
document = httpx2.get(f"{url}/openapi.json").raise_for_status().json()
server = FastMCP.from_openapi(document, client=httpx2.AsyncClient(base_url=url, headers=headers))

if __name__ == "__main__":
    server.run()
