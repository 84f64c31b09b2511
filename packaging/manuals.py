#!/usr/bin/env python3
"""Man pages and shell completions, from what the programs say of themselves.

Usage: manuals.py COUNTERSIGN COUNTERSIGND OUTPUT_DIRECTORY

Writes countersign.1, countersignd.8, countersign.toml.5, countersign.bash and _countersign (zsh). Nothing about options or
keys is written here: `--help` of every command and `countersign config explain --json` are the only sources.
"""
import json
import pathlib
import re
import subprocess
import sys

SECTIONS = ("Positionals:", "Options:", "Subcommands:")


class Command:
    """One command as its --help tells it."""

    def __init__(self, program, words):
        self.words = words
        text = subprocess.run([program, *words[1:], "--help"], check=True, capture_output=True, text=True).stdout
        before, _, rest = text.partition("Usage: ")
        self.summary = " ".join(before.split())
        self.usage, _, rest = rest.partition("\n")
        self.parts = {name: [] for name in SECTIONS}
        part = None
        for line in rest.splitlines():
            if line in self.parts:
                part = self.parts[line]
            elif line.strip() and part is not None:
                self._take(part, line)
        self.children = [Command(program, [*words, name]) for name, _ in self.parts["Subcommands:"]]

    @staticmethod
    def _take(part, line):
        if line.startswith(" " * 20):  # goes on
            name, meaning = part[-1]
            part[-1] = (name, (meaning + " " + line.strip()).strip())
        else:
            name, _, meaning = line.strip().partition("  ")
            # Words end where the column of meanings begins, however long they are.
            if not meaning and len(line) > 30 and line[29] == " ":
                name, meaning = line[:29].strip(), line[30:]
            part.append((name, meaning.strip()))

    def options(self):
        """[(flags, takes a value, meaning)]"""
        found = []
        for name, meaning in self.parts["Options:"]:
            words = name.split()
            flags = [flag.split("=")[0] for flag in words[0].split(",")]
            found.append((flags, len(words) > 1 and words[1] not in ("Excludes:", "Needs:"), meaning))
        return found

    def everything(self):
        yield self
        for child in self.children:
            yield from child.everything()


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(("\\&" + line if line.startswith((".", "'")) else line) for line in text.splitlines())


def shown(name):
    """An option as people read it: the sets of CLI11 in words."""
    name = re.sub(r":value in \{(.*?)\} OR .*", lambda found: ": " + re.sub(r"->\d+", "", found.group(1)).replace(",", ", "), name)
    return name.replace(" REQUIRED", " (required)")


def entries(rows):
    return "".join(f".TP\n.B {roff(shown(name))}\n{roff(meaning) or chr(92) + '&'}\n" for name, meaning in rows)


def head(title, section, version, line):
    return (f'.TH {title.upper()} {section} "" "Countersign {version}" "Countersign"\n.SH NAME\n{roff(title)} \\- {roff(line)}\n')


def manual_of_tool(root, version):
    text = head("countersign", 1, version, "the administrator's side of the Countersign enrollment server")
    text += f".SH SYNOPSIS\n.B countersign\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n{roff(root.summary)}\n"
    text += ".SH OPTIONS\n" + entries(root.parts["Options:"]) + ".SH COMMANDS\n"
    for command in root.everything():
        if command is root:
            continue
        text += f".SS {roff(' '.join(command.words))}\n{roff(command.summary)}\n.PP\nUsage: \\fB{roff(command.usage)}\\fR\n"
        text += entries(command.parts["Positionals:"])
        text += entries(row for row in command.parts["Options:"] if not row[0].startswith("-h"))
    text += (".SH EXIT STATUS\n0: done. 1: refused or failed, the reason is on standard error. 2: the command line cannot be "
             "understood.\n.SH FILES\n.TP\n.I /etc/countersign/countersign.toml\nThe service's configuration.\n.TP\n"
             ".I /var/lib/countersign\nThe service's keys, certificates, database and audit log.\n"
             ".SH SEE ALSO\n.BR countersignd (8),\n.BR countersign.toml (5)\n")
    return text


def manual_of_daemon(daemon, version):
    text = head("countersignd", 8, version, "SCEP enrollment server")
    text += f".SH SYNOPSIS\n.B countersignd\n\\-\\-config \\fIFILE\\fR\n.SH DESCRIPTION\n{roff(daemon.summary)}\n"
    text += ".SH OPTIONS\n" + entries(daemon.parts["Options:"])
    text += (".SH SIGNALS\n.TP\n.B SIGTERM\nFinish what is in flight, then end with 0.\n.TP\n.B SIGHUP\nRead the configuration again; "
             "an error leaves everything as it was.\n.SH EXIT STATUS\n0: stopped as asked. 1: the reason is on standard error. "
             "2: the command line cannot be understood.\n.SH SEE ALSO\n.BR countersign (1),\n.BR countersign.toml (5)\n")
    return text


def manual_of_configuration(keys, version):
    text = head("countersign.toml", 5, version, "configuration of the Countersign enrollment server")
    text += (".SH DESCRIPTION\nOne TOML file. Relative paths are below the directory of that file, or below \\fBdirectory\\fR. Unknown keys, "
             "wrong types and contradictions are errors that name the line and the remedy; \\fBcountersign check\\fR shows them "
             "all at once. Secrets never stand in the file: it names the files that hold them, or, as "
             "\\fBcredential:\\fINAME\\fR, credentials of systemd.\n.SH KEYS\n")
    for key in keys:
        about = key["type"] + (f", {key['unit']}" if key.get("unit") else "")
        about += ", required" if key.get("required") else f", default: {key.get('default') or 'none'}"
        about += f". One of: {key['choices']}" if key.get("choices") else ""
        text += f".TP\n.B {roff(key['key'])}\n({roff(about)})\n{roff(key['meaning'])}\n"
    return text + ".SH SEE ALSO\n.BR countersign (1),\n.BR countersignd (8)\n"


def bash_completion(root):
    cases = []
    for command in root.everything():
        words = [name for name, _ in command.parts["Subcommands:"]]
        words += [flag for flags, _, _ in command.options() for flag in flags if flag.startswith("--")]
        cases.append(f'        "{" ".join(command.words[1:])}") words="{" ".join(words)}" ;;')
    commands = " ".join(f'["{" ".join(command.words[1:])}"]=1' for command in root.everything() if command is not root)
    return f'''# bash completion for countersign(1); generated.
_countersign() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} path="" word words="" i
    declare -A known=({commands})
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${{path:+$path }}${{COMP_WORDS[i]}}"
        [[ ${{known[$word]:-}} ]] && path=$word
    done
    case "$previous" in
        --config|--password-file|--challenge-file|--out) COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
    case "$path" in
{chr(10).join(cases)}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ ${{#COMPREPLY[@]}} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -F _countersign countersign
'''


def zsh_words(rows):
    quoted = []
    for name, meaning in rows:
        plain = re.sub(r"[\[\]:'`\"\\$]", " ", meaning)
        quoted.append(f"'{name}:{plain}'")
    return " ".join(quoted)


def zsh_completion(root):
    cases = []
    for command in root.everything():
        rows = command.parts["Subcommands:"] + [(flag, meaning) for flags, _, meaning in command.options() for flag in flags
                                                if flag.startswith("--")]
        cases.append(f'        "{" ".join(command.words[1:])}") words=({zsh_words(rows)}) ;;')
    commands = " ".join(f"'{' '.join(command.words[1:])}'" for command in root.everything() if command is not root)
    return f'''#compdef countersign
# zsh completion for countersign(1); generated.
_countersign() {{
    local path_so_far="" candidate i
    local -a words_before words known
    words_before=("${{(@)words[2,CURRENT-1]}}")
    known=({commands})
    for i in $words_before; do
        candidate="${{path_so_far:+$path_so_far }}$i"
        (( ${{known[(Ie)$candidate]}} )) && path_so_far=$candidate
    done
    words=()
    case "$path_so_far" in
{chr(10).join(cases)}
    esac
    _describe 'countersign' words
    _files
}}
_countersign "$@"
'''


def main():
    tool, daemon, output = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    version = subprocess.run([tool, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
    keys = json.loads(subprocess.run([tool, "config", "explain", "--json"], check=True, capture_output=True, text=True).stdout)
    root = Command(tool, ["countersign"])
    output.mkdir(parents=True, exist_ok=True)
    for name, text in (("countersign.1", manual_of_tool(root, version)),
                       ("countersignd.8", manual_of_daemon(Command(daemon, ["countersignd"]), version)),
                       ("countersign.toml.5", manual_of_configuration(keys, version)),
                       ("countersign.bash", bash_completion(root)),
                       ("_countersign", zsh_completion(root))):
        (output / name).write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main()
