"""`webhookd completion`: scripts by which shells complete commands, options and names."""

from __future__ import annotations

from typing import Annotated

import typer

from webhookd.cli.shells import Shell

_BASH = """\
# webhookd completion bash > /etc/bash_completion.d/webhookd
_webhookd() {
    local IFS=$'\\n'
    COMPREPLY=($(webhookd completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _webhookd webhookd
"""

_ZSH = """\
#compdef webhookd
# webhookd completion zsh > "${fpath[1]}/_webhookd"
_webhookd() {
    local -a found
    found=("${(@f)$(webhookd completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then
        compadd -a found
    else
        _files
    fi
}
if [[ "${funcstack[1]}" == _webhookd ]]; then
    _webhookd "$@"
else
    compdef _webhookd webhookd
fi
"""

_FISH = """\
# webhookd completion fish > ~/.config/fish/completions/webhookd.fish
function __webhookd_words
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l last (commandline --current-token --cut-at-cursor)
    webhookd completion words -- $words[2..] "$last" 2>/dev/null
end
complete --command webhookd --arguments '(__webhookd_words)'
"""

_SCRIPTS = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


def completion(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="The shell.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", hidden=True)] = None,
) -> None:
    """Print a script by which a shell completes webhookd.

    It completes commands and options, and asks the daemon for the names of webhooks and sources
    and the ids of deliveries.
    """
    if shell is not Shell.WORDS:
        if words:
            raise typer.BadParameter("a script takes no words", param_hint="SHELL")
        typer.echo(_SCRIPTS[shell].rstrip("\n"))
        return
    from webhookd.cli import completed_words  # noqa: PLC0415 - asks the daemon

    for word in completed_words.completed(context.find_root().command, words or [""]):
        typer.echo(word)
