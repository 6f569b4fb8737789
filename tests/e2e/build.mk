# SPDX-License-Identifier: MIT
include $(filter-out tests/e2e/build.mk,$(sort $(wildcard tests/e2e/*.mk)))
