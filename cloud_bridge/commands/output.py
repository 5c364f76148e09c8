"""How commands print: tables for people, JSON for programs, one-line errors with exit code 2."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table


def fail(expected: str, came: str, todo: str, code: int = 2) -> NoReturn:
    """End with a message that says what was expected, what came and what to do."""
    typer.echo(f"expected {expected}, got {came}; {todo}", err=True)
    raise typer.Exit(code)


def rows(title: str, columns: Sequence[str], found: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows as a table or as JSON."""
    if as_json:
        typer.echo(json.dumps(list(found), ensure_ascii=False, indent=2))
        return
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in found:
        table.add_row(*(str(row[column]) for column in columns))
    Console().print(table)
