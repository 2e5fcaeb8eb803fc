"""Runs commands of novaclient in one process: reads {"line": [...]} as JSON lines, and prints {"exit", "error"}."""
import contextlib
import getpass
import io
import json
import sys

from novaclient.shell import OpenStackComputeShell

# `nova set-password` asks for the password twice.
getpass.getpass = lambda *_: 'new-Passw0rd'


def run(line):
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            OpenStackComputeShell().main(line)
            return {'exit': 0, 'error': ''}
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
            return {'exit': code, 'error': '' if code == 0 else output.getvalue().strip().split('\n')[-1]}
        except Exception as error:
            return {'exit': 1, 'error': str(error) or type(error).__name__}


for text in sys.stdin:
    print(json.dumps(run(json.loads(text)['line'])), flush=True)
