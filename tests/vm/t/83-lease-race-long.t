#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The race of 82-lease-race.t for ten minutes.
# vm: shared timeout=900 long

LEASE_SECONDS=600 . ./t/82-lease-race.t
