"""Nothing foreign starts: other keys, the other environment, what the demo filled, what others can read."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import certifi
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.jobs import seal_entries
from guahao.audit.service import AuditEntry, record
from guahao.identity.policy.permission import Role
from guahao.identity.service.account import register
from guahao.identity.service.staff import NewMember, create_staff
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing, KeysUnusable, load_key_ring
from guahao.kernel.db import make_engine, make_sessions, transaction
from guahao.kernel.settings import Environment, Settings
from guahao.sandbox.keys import SandboxKeys
from guahao.web import installation
from guahao.web.money import key_faults
from guahao.web.production import faults
from guahao.web.roles import let_serve, may_rewrite_the_trail
from tests.database import execute, migrated_database
from tests.web.processes import environment, free_port, guahao, running, until

NAMES = ("sealing-1", "blind", "pepper", "audit")
BASE = {
    "environment": "production",
    "database_url": "postgresql://guahao@127.0.0.1/guahao",
    "public_url": "https://guahao.example.cn",
}
SWITCHES: dict[str, dict[str, str]] = {
    "wechat": {"wechat_app_id": "wx0123456789abcdef", "wechat_app_secret": "0123456789abcdef"},
    "wechat_pay": {
        "wechat_pay_endpoint": "https://api.mch.weixin.qq.com",
        "wechat_pay_mchid": "1230000109",
        "wechat_pay_serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        "wechat_pay_key_id": "PUB_KEY_ID_0112300001092025010100000000000000",
        "wechat_app_id": "wx0123456789abcdef",
    },
    "alipay": {
        "alipay_endpoint": "https://openapi.alipay.com/gateway.do",
        "alipay_app_id": "2021004100000001",
        "alipay_seller_id": "2088102000000001",
    },
    "tencent_sms": {
        "sms_provider": "tencent",
        "sms_access_key_id": "id",
        "sms_access_key_secret": "secret",
        "sms_sign_name": "name",
        "sms_template_code": "code",
        "sms_app_id": "app",
    },
    "aliyun_sms": {
        "sms_provider": "aliyun",
        "sms_access_key_id": "id",
        "sms_access_key_secret": "secret",
        "sms_sign_name": "name",
        "sms_template_code": "code",
    },
    "tencent_identity": {
        "identity_provider": "tencent",
        "identity_access_key_id": "id",
        "identity_access_key_secret": "secret",
    },
}
COMBINATIONS = [
    chosen
    for count in range(len(SWITCHES) + 1)
    for chosen in itertools.combinations(SWITCHES, count)
    if not {"tencent_sms", "aliyun_sms"} <= set(chosen)
]


def of(chosen: tuple[str, ...]) -> dict[str, str]:
    return {name: value for switch in chosen for name, value in SWITCHES[switch].items()}


@pytest.mark.parametrize("chosen", COMBINATIONS, ids=lambda chosen: "+".join(chosen) or "a desk only")
def test_production_asks_for_what_is_switched_on_and_nothing_else(chosen: tuple[str, ...]) -> None:
    given = of(chosen)

    assert faults(Settings(**BASE, **given)) == []
    for name in set(given) - {"sms_provider", "identity_provider"}:
        less = {key: value for key, value in given.items() if key != name}
        named = [fault.partition(":")[0] for fault in faults(Settings(**BASE, **less))]
        pays_without_login = name == "wechat_app_secret" and "wechat_pay" in chosen
        assert named == ([] if pays_without_login else [f"GUAHAO_{name.upper()}"]), name


@pytest.mark.parametrize(
    ("address", "is_fit"),
    [
        ("postgresql://g@127.0.0.1/g", True),
        ("postgresql://g@localhost:5433/g", True),
        ("postgresql://g@/g?host=/run/postgresql", True),
        ("postgresql://g@db.example.cn/g", False),
        ("postgresql://g@10.0.0.5/g", False),
        ("postgresql://g@/g?host=db.example.cn", False),
        ("postgresql://g@db.example.cn/g?sslmode=require", False),
        ("postgresql://g@db.example.cn/g?sslmode=disable", False),
        ("postgresql://g@db.example.cn/g?sslmode=verify-full", True),
        (f"postgresql://g@db.example.cn/g?sslmode=verify-full&sslrootcert={certifi.where()}", True),
    ],
)
@pytest.mark.parametrize("name", ["database_url", "owner_database_url"])
def test_another_machines_database_needs_checked_tls(name: str, address: str, is_fit: bool) -> None:
    given = BASE | {name: address}

    named = [fault.partition(":")[0] for fault in faults(Settings(**given))]

    assert named == ([] if is_fit else [f"GUAHAO_{name.upper()}"])
    assert faults(Settings(**given, database_without_tls=True)) == []


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:///g",
        "postgresql://g@/g",
        "postgresql://g@/g?port=5433",
        "postgresql://g@/g?sslmode=verify-full",
        "postgresql://g@/g?host=127.0.0.1,",
    ],
)
@pytest.mark.parametrize("name", ["database_url", "owner_database_url"])
def test_a_database_whose_machine_the_environment_would_choose_is_refused(name: str, address: str) -> None:
    wanted = "must name the machine, or this one's socket as ?host=/run/postgresql"

    found = faults(Settings(**BASE | {name: address}, database_without_tls=True))

    assert found == [f"GUAHAO_{name.upper()}: {wanted}"]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return own_keys(tmp_path / "keys")


def own_keys(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    for name in NAMES:
        write(folder / f"{name}.key", secrets.token_hex(32))
    return folder


def write(path: Path, content: str) -> None:
    path.write_text(content)
    path.chmod(0o600)


CHANGES: dict[str, Callable[[Path], object]] = {
    "folder 777": lambda keys: keys.chmod(0o777),
    "folder 750": lambda keys: keys.chmod(0o750),
    "file 644": lambda keys: (keys / "blind.key").chmod(0o644),
    "file 640": lambda keys: (keys / "sealing-1.key").chmod(0o640),
    "all zero": lambda keys: write(keys / "pepper.key", "00" * 32),
    "a pattern": lambda keys: write(keys / "audit.key", "0123" * 16),
    "two equal": lambda keys: write(keys / "audit.key", (keys / "blind.key").read_text()),
    "sealing equal": lambda keys: write(keys / "sealing-2.key", (keys / "sealing-1.key").read_text()),
    "too short": lambda keys: write(keys / "blind.key", secrets.token_hex(16)),
    "missing": lambda keys: (keys / "pepper.key").unlink(),
    "the demo's": lambda keys: write(keys / "blind.key", f"made-for-trying-out:{secrets.token_hex(32)}"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_keys_that_are_not_secret_are_refused(keys: Path, change: str) -> None:
    load_key_ring(keys, production=True)
    CHANGES[change](keys)

    with pytest.raises(KeysUnusable):
        load_key_ring(keys, production=True)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_sandboxs_payment_keys_are_known_wherever_they_are_copied(
    tmp_path: Path, keys: Path, mode: int
) -> None:
    SandboxKeys.load(tmp_path / "sandbox")
    for name in ("wechat_pay_merchant.pem", "wechat_pay_apiv3.txt", "alipay_app.pem"):
        (keys / name).write_bytes((tmp_path / "sandbox" / name).read_bytes())
        (keys / name).chmod(mode)

    found = key_faults(Settings(**BASE, **of(("wechat_pay", "alipay")), keys_dir=keys))

    assert sum("made by the sandbox" in fault for fault in found) == 3
    assert sum("others may read it" in fault for fault in found) == (0 if mode == 0o600 else 3)


def ring(**changed: bytes) -> KeyRing:
    keys = {name: secrets.token_bytes(32) for name in ("blind", "pepper", "audit")} | changed
    return KeyRing(sealing={1: secrets.token_bytes(32)}, made_for_trying_out=False, **keys)


async def _faults(db: AsyncSession, key_ring: KeyRing, environment: Environment) -> list[str]:
    """The faults but that of the role: tests own their tables."""
    found = await installation.faults(db, environment=environment, key_ring=key_ring)
    return [fault for fault in found if "this role may" not in fault]


@pytest.mark.anyio
async def test_a_database_knows_its_keys_and_every_other_one_is_named(db: AsyncSession) -> None:
    own, environment = ring(), Environment.PRODUCTION
    assert await _faults(db, own, environment) == []
    await installation.remember(db, environment=environment, key_ring=own)
    newer = KeyRing(
        sealing={**own.sealing, 2: secrets.token_bytes(32)},
        blind=own.blind,
        pepper=own.pepper,
        audit=own.audit,
        made_for_trying_out=False,
    )
    foreign = ring()

    assert await _faults(db, own, environment) == []
    assert await _faults(db, newer, environment) == []
    named = [fault.split()[1] for fault in await _faults(db, foreign, environment)]
    assert named == ["audit.key", "blind.key", "pepper.key", "sealing-1.key"]
    await installation.remember(db, environment=environment, key_ring=newer)
    assert ["sealing-2.key" in fault for fault in await _faults(db, own, environment)] == [True]
    without_the_first = replace(newer, sealing={2: newer.sealing[2]})
    assert await _faults(db, without_the_first, environment) == []
    made = {"phone": "13800138000", "username": "somebody", "password_hash": "x", "now": utc_now()}
    await register(db, key_ring=own, **made)
    assert ["sealing-1.key" in fault for fault in await _faults(db, without_the_first, environment)] == [True]


@pytest.mark.anyio
async def test_a_database_of_one_environment_does_not_serve_the_other(db: AsyncSession) -> None:
    own = ring()
    await installation.remember(db, environment=Environment.DEMO, key_ring=own)

    assert await _faults(db, own, Environment.DEMO) == []
    (fault,) = await _faults(db, own, Environment.PRODUCTION)
    assert "GUAHAO_ENVIRONMENT=demo" in fault


@pytest.mark.anyio
async def test_foreign_keys_are_seen_on_a_database_that_recorded_none_yet(db: AsyncSession) -> None:
    own = ring()
    made = {"phone": "13800138000", "username": "somebody", "password_hash": "x", "now": utc_now()}
    await register(db, key_ring=own, **made)

    assert await _faults(db, own, Environment.PRODUCTION) == []
    (fault,) = await _faults(db, ring(), Environment.PRODUCTION)
    assert "do not open" in fault
    other_index = KeyRing(
        sealing=own.sealing,
        blind=secrets.token_bytes(32),
        pepper=own.pepper,
        audit=own.audit,
        made_for_trying_out=False,
    )
    assert await _faults(db, other_index, Environment.PRODUCTION) == [fault]


@pytest.mark.anyio
async def test_what_the_demo_filled_does_not_serve_production(db: AsyncSession) -> None:
    own = ring()
    made = {"phone": "13800138000", "username": "demo_family", "password_hash": "x", "now": utc_now()}
    await register(db, key_ring=own, **made)

    (fault,) = await _faults(db, own, Environment.PRODUCTION)

    assert "the demo filled" in fault


@pytest.mark.anyio
async def test_a_member_of_the_demos_staff_keeps_production_away_too(db: AsyncSession) -> None:
    new = NewMember(hospital_id=None, username="demo_platform_admin", name="王", roles=[Role.PLATFORM_ADMIN])
    await create_staff(db, actor="system", new=new)

    (fault,) = await _faults(db, ring(), Environment.PRODUCTION)

    assert "the demo filled" in fault
    assert await _faults(db, ring(), Environment.DEMO) == []


@pytest.fixture(scope="module")
def owned() -> Iterator[tuple[str, str]]:
    """A database's address as its owner, and as a role that may serve and no more."""
    with migrated_database("fail_closed") as dsn:
        role = f"serving_{make_url(dsn).database}"[:60]
        asyncio.run(execute(dsn, f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'serving'"))
        serving = make_url(dsn).set(username=role, password="serving").render_as_string(hide_password=False)
        assert asyncio.run(let_serve(dsn, serving)) == role
        yield dsn, serving
        asyncio.run(execute(dsn, f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"'))


@pytest.fixture
def database_of_production(owned: tuple[str, str]) -> str:
    return owned[1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "ALTER TABLE audit_seal DISABLE TRIGGER audit_seal_append_only",
        "DROP TRIGGER audit_anchor_append_only ON audit_anchor",
        "SET session_replication_role = replica",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_seal",
        "DELETE FROM audit_anchor",
        "UPDATE audit_entry SET actor = 'system'",
        "UPDATE ledger_entry SET amount_fen = 1",
        "TRUNCATE audit_entry CASCADE",
        "DROP TABLE audit_entry",
        "ALTER TABLE audit_entry OWNER TO current_user",
        "CREATE TABLE mine (id int)",
        "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE sql AS ''",
        "UPDATE alembic_version SET version_num = ''",
    ],
)
async def test_the_role_that_serves_cannot_touch_the_trail_nor_any_table(
    owned: tuple[str, str], statement: str
) -> None:
    connection = await asyncpg.connect(owned[1])
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.anyio
async def test_the_role_that_serves_writes_and_chains_the_trail(owned: tuple[str, str]) -> None:
    engine = make_engine(owned[1], pool_size=2)
    sessions = make_sessions(engine)
    async with transaction(sessions) as db:
        assert not await may_rewrite_the_trail(db)
        await record(db, AuditEntry(hospital_id=7, actor="system", action="a.b", subject="c:1"))
    async with transaction(sessions) as db:
        assert await seal_entries(db, key=b"k" * 32) == 1
    await engine.dispose()
    engine = make_engine(owned[0], pool_size=1)
    async with transaction(make_sessions(engine)) as db:
        assert await may_rewrite_the_trail(db)
    await engine.dispose()


def test_production_does_not_serve_by_the_role_that_owns_the_tables(
    owned: tuple[str, str], tmp_path: Path
) -> None:
    variables = environment(
        tmp_path,
        free_port(),
        environment="production",
        database_url=owned[0],
        keys_dir=own_keys(tmp_path / "keys"),
        public_url="https://guahao.example.cn",
    )

    done = guahao(variables, "serve")

    assert (done.returncode, done.stdout) == (2, "")
    assert "this role may change tables and the audit trail" in done.stderr


def test_migrate_by_the_owner_lets_the_serving_role_serve(owned: tuple[str, str], tmp_path: Path) -> None:
    variables = environment(tmp_path, free_port(), database_url=owned[1], owner_database_url=owned[0])

    done = guahao(variables, "migrate")
    nobody = guahao(variables | {"GUAHAO_DATABASE_URL": owned[1].replace("serving_", "nobody_")}, "migrate")

    assert done.returncode == 0
    assert done.stderr.endswith("may serve, and neither change tables nor rewrite the trail.\n")
    assert (nobody.returncode, "there is no database role" in nobody.stderr) == (1, True)


def test_without_settings_serve_and_worker_are_production_and_start_nothing(tmp_path: Path) -> None:
    bare = environment(tmp_path, free_port())
    del bare["GUAHAO_ENVIRONMENT"]

    for command in ("serve", "worker"):
        done = guahao(bare, command)
        assert (done.returncode, done.stdout) == (2, "")
        assert "guahao: GUAHAO_DATABASE_URL: " in done.stderr


def test_production_starts_on_its_own_and_closes_what_is_not_for_strangers(
    database_of_production: str, tmp_path: Path
) -> None:
    port = free_port()
    variables = environment(
        tmp_path,
        port,
        environment="production",
        database_url=database_of_production,
        keys_dir=own_keys(tmp_path / "keys"),
        public_url="https://guahao.example.cn",
        metrics_port=port + 1,
    )
    with running("serve", variables), running("worker", variables):
        ready = until(port, "/readyz", 200)
        for path in ("/docs", "/openapi.json", "/docs/openapi.json", "/sandbox", "/sandbox/sms", "/metrics"):
            until(port, path, 404, within_s=1)
        until(port, "/problems/not-found", 200, within_s=1)
        assert b"guahao_database_up" in until(port + 1, "/metrics", 200)
        assert b'"worker":true' in until(port + 1, "/readyz/details", 200)
    assert ready == b'{"status":"ready"}'

    foreign = variables | {"GUAHAO_KEYS_DIR": str(own_keys(tmp_path / "foreign"))}
    done = guahao(foreign, "worker")
    assert done.returncode == 2
    assert done.stderr.count("is not the key of this database") == 4
