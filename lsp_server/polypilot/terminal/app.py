"""The command group, and the one place where an error becomes a message and an exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from polypilot.terminal import (
    auth,
    chat,
    compare,
    complete,
    demo,
    doctor,
    history,
    models,
    providers,
    settings,
    setup,
    trust,
    usage_report,
    work,
)
from polypilot.terminal.output import Output
from polypilot.terminal.program import FAILED, INTERRUPTED, OK, USAGE, Program

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Without a command (or with --stdio) it is the language server that editors start.",
)
@click.version_option(
    None, "-V", "--version", package_name="polypilot", message="%(prog)s %(version)s"
)
def commands() -> None:
    """Inline completion and chat from whichever model provider you choose."""


for _command in (
    demo.demo,
    chat.chat,
    *work.commands,
    history.history,
    compare.compare,
    complete.complete,
    auth.auth,
    providers.use,
    providers.providers,
    models.models,
    settings.settings,
    setup.setup,
    trust.trust,
    usage_report.usage,
    doctor.doctor,
):
    commands.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run the command that ``arguments`` name; the process's exit status.

    0 success, 1 provider or network error, 2 usage, 3 configuration or credentials,
    130 stopped by Ctrl-C. With ``--json`` errors are JSON lines on stderr.
    """
    output = Output(json_mode="--json" in arguments)
    program = Program(output)
    try:
        status = commands.main(
            list(arguments) or ["--help"], "polypilot", standalone_mode=False, obj=program
        )
    except click.UsageError as error:
        return _usage(error, output)
    except (KeyboardInterrupt, click.Abort):
        output.note("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`). Python would complain once more when it flushes.
        sys.stdout = None
        return FAILED
    except Exception as error:  # noqa: BLE001 - the border: describe() decides what is shown
        return program.failed(error)
    return status if isinstance(status, int) else OK


def _usage(error: click.UsageError, output: Output) -> int:
    hint = ""
    if error.ctx is not None:
        hint = f"{error.ctx.command_path} --help"
    output.failure("usage", error.format_message(), hint)
    return USAGE
