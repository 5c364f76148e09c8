"""`hotbox`: the box's command line."""


def main() -> None:
    """Entry point of the console script."""
    from edge.cli.app import main as run

    run()


__all__ = ["main"]
