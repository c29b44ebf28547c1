// SPDX-License-Identifier: Apache-2.0
/*
 * measure_label.c - SELinux: the kernel's label of a program against that of config.json.
 */
#include "container/measure.h"
#include "container/selinux_label.h"

int measure_label(const char *now, const char *said, bool fresh, struct cc_error *err)
{
	if (!now || !said || !fresh || selinux_label_eq(now, said))
		return 0;
	return cc_refuse(err, "selinux",
			 "selinux: config.json says the label %.100s, the program was started with "
			 "%.100s",
			 said, now);
}

int measure_unlabelled(const char *now, const char *said, struct cc_measurement *m,
		       struct cc_error *err)
{
	return now && !said ? oci_setting(m, err, "process.selinuxLabel none") : 0;
}
