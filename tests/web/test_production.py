from pathlib import Path

import pytest

from guahao.kernel.settings import Settings
from guahao.web.money import key_faults
from guahao.web.production import faults, warnings

FIT = {
    "wechat_pay_endpoint": "https://api.mch.weixin.qq.com",
    "wechat_pay_mchid": "1230000109",
    "wechat_pay_serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
    "wechat_pay_key_id": "PUB_KEY_ID_0112300001092025010100000000000000",
    "alipay_endpoint": "https://openapi.alipay.com/gateway.do",
    "alipay_app_id": "2021004100000001",
    "alipay_seller_id": "2088102000000001",
    "environment": "production",
    "database_url": "postgresql://guahao@db.example.cn/guahao?sslmode=verify-full",
    "public_url": "https://guahao.example.cn",
    "metrics_port": 9100,
    "sms_provider": "aliyun",
    "sms_access_key_id": "id",
    "sms_access_key_secret": "secret",
    "sms_sign_name": "name",
    "sms_template_code": "code",
    "identity_provider": "desk",
    "wechat_endpoint": "https://api.weixin.qq.com",
    "wechat_app_id": "wx0123456789abcdef",
    "wechat_app_secret": "0123456789abcdef",
}


def test_settings_of_a_real_installation_are_fit() -> None:
    assert faults(Settings(**FIT)) == []


@pytest.mark.parametrize(
    ("host", "trusted", "is_warned"),
    [
        ("127.0.0.1", "", True),
        ("127.0.0.1", "none", True),
        ("localhost", "10.0.0.0/8", True),
        ("127.0.0.1", "127.0.0.1", False),
        ("localhost", "127.0.0.0/8", False),
        ("::1", "127.0.0.1,::1", False),
        ("10.0.0.5", "", True),
        ("10.0.0.5", "none", False),
        ("10.0.0.5", "10.0.0.2", False),
    ],
)
def test_production_is_warned_when_all_would_count_as_one_address(
    host: str, trusted: str, is_warned: bool
) -> None:
    told = warnings(Settings(**(FIT | {"host": host, "trusted_proxies": trusted})))

    assert [line.partition(":")[0] for line in told] == ["GUAHAO_TRUSTED_PROXIES"] * is_warned


def test_the_demo_is_warned_of_nothing() -> None:
    assert warnings(Settings(environment="demo")) == []


def test_the_demo_may_be_anything() -> None:
    assert faults(Settings(environment="demo", debug=True)) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"database_url": None}, "GUAHAO_DATABASE_URL"),
        ({"debug": True}, "GUAHAO_DEBUG"),
        ({"public_url": "http://guahao.example.cn"}, "GUAHAO_PUBLIC_URL"),
        ({"public_url": "https://127.0.0.1"}, "GUAHAO_PUBLIC_URL"),
        ({"metrics_port": 8000}, "GUAHAO_METRICS_PORT"),
        ({"sms_provider": "sandbox"}, "GUAHAO_SMS_PROVIDER"),
        ({"sms_access_key_secret": ""}, "GUAHAO_SMS_ACCESS_KEY_SECRET"),
        ({"sms_provider": "tencent"}, "GUAHAO_SMS_APP_ID"),
        ({"sms_endpoint": "http://127.0.0.1:9"}, "GUAHAO_SMS_ENDPOINT"),
        ({"identity_provider": "sandbox"}, "GUAHAO_IDENTITY_PROVIDER"),
        (
            {"identity_provider": "tencent", "identity_access_key_id": "id"},
            "GUAHAO_IDENTITY_ACCESS_KEY_SECRET",
        ),
        ({"wechat_endpoint": "sandbox"}, "GUAHAO_WECHAT_ENDPOINT"),
        ({"wechat_endpoint": "https://sandbox.example.cn"}, "GUAHAO_WECHAT_ENDPOINT"),
        ({"wechat_app_id": "wxsandbox00000000"}, "GUAHAO_WECHAT_APP_ID"),
        ({"wechat_app_secret": "sandbox"}, "GUAHAO_WECHAT_APP_SECRET"),
        ({"wechat_pay_endpoint": "sandbox"}, "GUAHAO_WECHAT_PAY_ENDPOINT"),
        ({"wechat_pay_endpoint": "http://127.0.0.1:8090"}, "GUAHAO_WECHAT_PAY_ENDPOINT"),
        ({"wechat_pay_mchid": "1900000000"}, "GUAHAO_WECHAT_PAY_MCHID"),
        ({"wechat_pay_serial": "SANDBOX_MERCHANT"}, "GUAHAO_WECHAT_PAY_SERIAL"),
        ({"wechat_pay_serial": "SANDBOX_OTHER"}, "GUAHAO_WECHAT_PAY_SERIAL"),
        ({"wechat_pay_key_id": "PUB_KEY_ID_SANDBOX"}, "GUAHAO_WECHAT_PAY_KEY_ID"),
        ({"wechat_pay_key_id": ""}, "GUAHAO_WECHAT_PAY_KEY_ID"),
        ({"alipay_endpoint": "sandbox"}, "GUAHAO_ALIPAY_ENDPOINT"),
        (
            {"alipay_endpoint": "https://openapi-sandbox.example.cn/gateway.do"},
            "GUAHAO_ALIPAY_ENDPOINT",
        ),
        ({"alipay_app_id": "2021000000000000"}, "GUAHAO_ALIPAY_APP_ID"),
        ({"alipay_seller_id": ""}, "GUAHAO_ALIPAY_SELLER_ID"),
    ],
)
def test_production_refuses_and_names_the_setting(changed: dict[str, object], named: str) -> None:
    found = faults(Settings(**(FIT | changed)))

    assert [fault.partition(":")[0] for fault in found] == [named]


def test_a_hospital_may_offer_no_online_payment() -> None:
    online = [name for name in FIT if name.startswith(("wechat_pay_", "alipay_"))]

    assert faults(Settings(**(FIT | dict.fromkeys(online, "")))) == []
    half = [fault.partition(":")[0] for fault in faults(Settings(**(FIT | {"alipay_endpoint": ""})))]
    assert half == ["GUAHAO_ALIPAY_ENDPOINT"]


def test_missing_key_files_of_a_provider_in_use_are_named(tmp_path: Path) -> None:
    found = key_faults(Settings(**(FIT | {"keys_dir": tmp_path})))

    assert len(found) == 2
    assert "PUB_KEY_ID_0112300001092025010100000000000000.pem" in found[0]
    assert "alipay_app.pem" in found[1]
