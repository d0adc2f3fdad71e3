"""The `assay` command. Exit 0 fine, 1 a check said no, 2 could not tell, 3 bad usage or configuration."""

import contextlib
import os
import sys

import typer
from rich.console import Console

from assay.cli import ask, demo, doctor, documents, features, ingest, release, search
from assay.cli import eval as evaluation  # a builtin has its name
from assay.errors import AssayError

EXIT_USAGE = 3
MORE = "More"

# Typer carries click inside itself and shows only the leaves of its exceptions.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    help="Assay: documents in, tested releases out. Nothing serves untested.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.command("ingest")(ingest.ingest)
app.command("search")(search.search)
app.command("ask")(ask.ask)
app.add_typer(documents.app, name="documents")
app.add_typer(evaluation.app, name="eval")
app.add_typer(release.app, name="release")
app.add_typer(features.app, name="features")
app.command("doctor", rich_help_panel=MORE)(doctor.doctor)


def main() -> None:
    """Run the command line and end the process."""
    code = run()
    with contextlib.suppress(BrokenPipeError):  # the reader had enough, as with `| head`
        sys.stdout.flush()
        sys.stderr.flush()
    # Everything is written and closed. The interpreter's own end meets threads of Arrow that are still about: on a busy
    # machine 7 of 72 commands that had done their work ended with SIGABRT.
    os._exit(code)


def run() -> int:
    """Run the command that the arguments name; every error of Assay ends as one message and its exit code."""
    errors = Console(stderr=True, highlight=False)
    try:
        return app(standalone_mode=False) or 0
    except AssayError as error:
        errors.print(f"[bold red]{type(error).__name__}[/]: ", end="")
        errors.print(str(error), markup=False, soft_wrap=True)
        return error.exit_code
    except _UsageError as error:
        if str(error):  # without arguments the help is all there is to say
            errors.print(f"{error} See `assay --help`.", markup=False)
        return EXIT_USAGE
    except (typer.Abort, KeyboardInterrupt):
        errors.print("Stopped. What was committed stands; run the same command again to go on.")
        return AssayError.exit_code
