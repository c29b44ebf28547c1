/* SPDX-License-Identifier: Apache-2.0 */
/* measured.h - a measurement and an identity that match each other. */
#ifndef CC_FUZZ_MEASURED_H
#define CC_FUZZ_MEASURED_H

#include "fuzz.h"
#include "measurement.h"

#define SHA "sha256:2bdaa0647db89bf4f2abff72c0a71c8f75616a2446b6873eb17399a69df06442"
#define FIXED_MEASUREMENT                                                                                 \
	"{\"engine\":\"docker\",\"state\":\"created\",\"container\":{\"id\":\"c0ffee\"},"                 \
	"\"process\":{\"pid\":4711,\"startTime\":123456,\"cgroupId\":987},\"image\":{\"id\":\"" SHA       \
	"\",\"manifests\":[],\"args\":[\"/app\"],\"env\":[\"A=b\"],\"cwd\":\"\",\"user\":{\"uid\":0,"     \
	"\"gid\":0}},\"config\":{\"args\":[\"/app\",\"-v\"],\"env\":[\"A=b\",\"MODE=a<b\"],"              \
	"\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0},\"capabilities\":[\"CAP_KILL\"],"                   \
	"\"noNewPrivileges\":true,\"readonlyRootfs\":true,\"seccomp\":\"" SHA                             \
	"\",\"mounts\":[{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/y\","                     \
	"\"options\":[\"ro\"],\"engine\":false}],\"devices\":[],\"hooks\":[],\"settings\":[],\"holds\":[" \
	"\"no-tty\"],\"namespaces\":{"                                                                    \
	"\"cgroup\":\"private\",\"ipc\":\"private\",\"mnt\":\"private\",\"net\":\"private\","             \
	"\"pid\":\"private\",\"uts\":\"private\"},\"privileged\":false},\"rootfs\":{\"upper\":"           \
	"\"clean\",\"firstStart\":true}}"

static inline struct cc_measurement *fixed_measurement(void)
{
	struct cc_error err = {0};
	json_t *doc = json_loads(FIXED_MEASUREMENT, 0, NULL);
	struct cc_measurement *m = cc_measurement_from_json(doc, &err);

	REQUIRE(m);
	json_decref(doc);
	return m;
}

#endif
