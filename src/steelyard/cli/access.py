"""`access`: passwords and keys for the web app, as hashes that may be written down."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from steelyard.cli.options import AsJson
from steelyard.cli.output import print_json
from steelyard.errors import DefinitionError

__all__ = ["app"]

app = typer.Typer(help="Passwords and keys for the web app, as hashes for steelyard.toml.", no_args_is_help=True)


@app.command()
def password(
    user: Annotated[str, typer.Argument(help="Whose it is.")],
    role: Annotated[str, typer.Option(help="viewer, analyst or decider.")] = "viewer",
    as_json: AsJson = False,
) -> None:
    """Asks for a password, or reads it from a pipe, and prints its hash."""
    from steelyard.project.access import SHORTEST
    from steelyard.project.secret_hash import hash_password

    role = _role(role)
    if sys.stdin.isatty():
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        given = sys.stdin.readline().rstrip("\n")
    if len(given) < SHORTEST["password"]:
        problem = f"the password has fewer than {SHORTEST['password']} characters"
        raise DefinitionError(problem, where="access password", hint="a few random words are easy to keep in mind")
    hashed = hash_password(given)
    if as_json:
        print_json({"user": user, "role": role, "password": hashed})
        return
    typer.echo(f'[access.users.{_key(user)}]\nrole = "{role}"\npassword = "{hashed}"')


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Which program it is for.")],
    role: Annotated[str, typer.Option(help="viewer, analyst or decider.")] = "viewer",
    as_json: AsJson = False,
) -> None:
    """Makes a key, and prints it once with its hash."""
    from steelyard.project.secret_hash import hash_key, new_key

    role = _role(role)
    made = new_key()
    if as_json:
        print_json({"name": name, "role": role, "secret": made, "key": hash_key(made)})
        return
    typer.echo(f"The key, which is shown this once: {made}\n")
    typer.echo(f'[access.keys.{_key(name)}]\nrole = "{role}"\nkey = "{hash_key(made)}"')


def _role(given: str) -> str:
    from typing import get_args

    from steelyard.errors import unknown_name
    from steelyard.project.access import Role

    if given not in get_args(Role):
        raise unknown_name("role", given, get_args(Role), where="--role")
    return given


def _key(name: str) -> str:
    """The name as a key of TOML."""
    import json

    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name)
