"""What an agent does with the tools of server.py. tests/test_clients.py runs it; TASKS_URL and TASKS_TOKEN are set."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.exceptions import ToolError

OPERATIONS = {
    *("list_tasks", "create_task", "get_task", "update_task", "delete_task", "list_changes"),
    *("health", "health_ready"),
}


async def use(agent: Client[Any]) -> None:
    tools = {tool.name: tool.input_schema for tool in await agent.list_tools()}
    assert tools.keys() == OPERATIONS
    assert tools["create_task"]["required"] == ["title"]
    assert tools["update_task"]["required"] == ["id"]
    assert tools["update_task"]["properties"].keys() == {
        *("id", "If-Match", "If-None-Match"),
        *("title", "description", "completed", "due_date", "priority", "tags"),
    }

    start = (await agent.call_tool("list_changes", {})).data
    task = (await agent.call_tool("create_task", {"title": "By an agent", "tags": ["robots"]})).data
    assert (task.title, task.completed, task.tags, task.due_date) == ("By an agent", False, ["robots"], None)
    assert (await agent.call_tool("get_task", {"id": task.id})).data == task
    page = (await agent.call_tool("list_tasks", {"tag": ["robots"], "completed": False, "limit": 10})).data
    assert [(found.id, found.title) for found in page.results] == [(task.id, task.title)]
    after = str(start.next).partition("after=")[2]
    changes = (await agent.call_tool("list_changes", {"after": after, "tag": ["robots"], "limit": 10})).data
    assert [(change.id, change.task.title) for change in changes.results] == [(task.id, task.title)]
    updated = (await agent.call_tool("update_task", {"id": task.id, "completed": True, "priority": 1})).data
    assert (updated.title, updated.completed, updated.priority) == (task.title, True, 1)
    await agent.call_tool("delete_task", {"id": task.id})
    assert "not_found" in await refusal(agent, "get_task", {"id": task.id})
    assert '"parameter": "cursor"' in await refusal(agent, "list_tasks", {"cursor": "wrong"})


async def refusal(agent: Client[Any], tool: str, arguments: dict[str, Any]) -> str:
    try:
        await agent.call_tool(tool, arguments)
    except ToolError as error:
        return str(error)
    raise AssertionError(f"{tool} accepted {arguments}")


async def main() -> None:
    tasks = {"command": sys.executable, "args": [str(Path(__file__).with_name("server.py"))], "env": dict(os.environ)}
    async with Client({"mcpServers": {"tasks": tasks}}) as agent:
        await use(agent)


if __name__ == "__main__":
    asyncio.run(main())
