from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from guahao.sandbox.keys import KEY_ID, SandboxKeys


def test_the_folder_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "keys" / "sandbox"

    first, second = SandboxKeys.load(folder), SandboxKeys.load(folder)

    assert first.apiv3 == second.apiv3
    assert len(first.apiv3) == 32
    assert first.merchant == second.merchant
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.parent.iterdir()) == [folder]


def test_the_merchant_finds_every_verifying_key_by_its_serial(tmp_path: Path) -> None:
    keys = SandboxKeys.load(tmp_path / "sandbox")
    folder = tmp_path / "sandbox" / "wechat_pay_keys"

    public = load_pem_public_key((folder / f"{KEY_ID}.pem").read_bytes())
    certificate = x509.load_pem_x509_certificate((folder / f"{keys.certificate_serial}.pem").read_bytes())

    assert public == keys.platform.public_key()
    assert certificate.public_key() == keys.certificate_key.public_key()
    assert len(keys.certificate_serial) == 40


@pytest.mark.parametrize("processes", [4])
def test_processes_that_start_at_once_agree(tmp_path: Path, processes: int) -> None:
    program = (
        "import pathlib, sys; from guahao.sandbox.keys import SandboxKeys;"
        "print(SandboxKeys.load(pathlib.Path(sys.argv[1])).apiv3.decode())"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "sandbox")]

    def start(_: int) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    with ThreadPoolExecutor(processes) as pool:
        seen = set(pool.map(start, range(processes)))

    assert len(seen) == 1
