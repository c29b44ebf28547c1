#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same as volume/kill.t, at every single one of the places.
# vm: shared udev scsi=1 timeout=3000 long

every=1
. ./t/volume/kill.t
