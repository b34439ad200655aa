"""The demo: invented hospitals, staff, accounts and patients to try everything out with."""

from guahao.web.demo.load import DemoAccount, DemoHospital, DemoReport, load_demo

__all__ = ["DemoAccount", "DemoHospital", "DemoReport", "load_demo"]
