"""The demo: invented hospitals, staff, accounts and patients to try everything out with."""

from guahao.web.demo.accounts import DemoAccount
from guahao.web.demo.load import DemoBrokenError, DemoHospital, DemoReport, load_demo

__all__ = ["DemoAccount", "DemoBrokenError", "DemoHospital", "DemoReport", "load_demo"]
