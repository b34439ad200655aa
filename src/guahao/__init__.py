"""大众医疗预约挂号: outpatient registration for one hospital or a city of hospitals."""
