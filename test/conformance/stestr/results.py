"""Reads a subunit stream, and prints a line of JSON for each test and each failed or skipped setUpClass."""

import json
import sys

import subunit
import testtools

RESULTS = {'success': 'passed', 'fail': 'failed', 'skip': 'skipped', 'xfail': 'failed', 'uxsuccess': 'failed'}


def message_of(details):
    lines = [line for line in details.decode('utf-8', 'replace').splitlines() if line.strip()]
    # The text of an exception may have several lines; it begins with the exception's name.
    starts = [i for i, line in enumerate(lines) if not line.startswith(' ') and ': ' in line]
    return ' '.join(line.strip() for line in lines[starts[-1] if starts else -1 :])


class Printer(testtools.StreamResult):
    def __init__(self):
        super().__init__()
        self.details = {}

    def status(self, test_id=None, test_status=None, file_name=None, file_bytes=None, **others):
        if test_id is None:
            return
        if file_bytes and file_name in ('reason', 'traceback'):
            self.details[test_id] = self.details.get(test_id, b'') + bytes(file_bytes)
        if test_status in RESULTS:
            result = RESULTS[test_status]
            message = '' if result == 'passed' else message_of(self.details.pop(test_id, b''))
            print(json.dumps({'test': test_id, 'result': result, 'message': message}), flush=True)


subunit.ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name='stdout').run(Printer())
