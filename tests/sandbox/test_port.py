from __future__ import annotations

import base64
import time
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.database import folder
from tests.sandbox.wechat_merchant import MCHID, SERIAL
from tests.web.processes import environment, free_port, guahao, running

_TRIES = 200


def ask_wechat(http: httpx.Client, keys: Path, target: str) -> httpx.Response:
    key = load_pem_private_key((keys / "wechat_pay_merchant.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    stamp = str(int(time.time()))
    signature = key.sign(f"GET\n{target}\n{stamp}\nn\n\n".encode(), PKCS1v15(), SHA256())
    parts = {
        "mchid": MCHID,
        "nonce_str": "n",
        "timestamp": stamp,
        "serial_no": SERIAL,
        "signature": base64.b64encode(signature).decode(),
    }
    given = ",".join(f'{name}="{value}"' for name, value in parts.items())
    return http.get(target, headers={"Authorization": f"WECHATPAY2-SHA256-RSA2048 {given}"})


def until_it_answers(http: httpx.Client) -> httpx.Response:
    for _ in range(_TRIES):
        try:
            return http.get("/sandbox", timeout=10)
        except httpx.TransportError:
            time.sleep(0.1)  # a process starts; nothing tells when
    raise AssertionError


def test_every_simulator_answers_on_one_port(database: str) -> None:
    home, port = folder(), free_port()
    variables = environment(home, port, database_url=database)

    with (
        running("sandbox", variables, "--port", str(port)),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        assert "沙箱" in until_it_answers(http).text
        keys = home / "keys" / "sandbox"
        wechat_pay = ask_wechat(http, keys, "/v3/certificates")
        assert (wechat_pay.status_code, len(wechat_pay.json()["data"])) == (200, 1)
        assert "Wechatpay-Signature" in wechat_pay.headers
        assert "sign" in http.post("/gateway.do", data={"method": "alipay.trade.query"}).json()
        token = {"grant_type": "client_credential", "appid": "wxsandbox00000000", "secret": "sandbox"}
        assert "access_token" in http.post("/cgi-bin/stable_token", json=token).json()
        refused = http.post("/", json={}, headers={"X-TC-Action": "SendSms"}).json()
        assert "Error" in refused["Response"]
        browser = http.get("/gateway.do?method=alipay.trade.wap.pay&biz_content=1")
        assert browser.headers["location"].startswith("/sandbox/alipay/gateway.do?method=")
        assert http.get("/api/v1/hospitals").status_code == 404


def test_production_refuses_the_sandbox(tmp_path: Path, database: str) -> None:
    variables = environment(tmp_path, free_port(), database_url=database, environment="production")

    refused = guahao(variables, "sandbox")

    assert refused.returncode == 1
    assert "does not run with GUAHAO_ENVIRONMENT=production" in refused.stderr
    assert not (tmp_path / "keys").exists()
