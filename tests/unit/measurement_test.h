/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measurement_test.h - a measurement for tests that do not look into it, for json_of().
 */
#ifndef CC_MEASUREMENT_TEST_H
#define CC_MEASUREMENT_TEST_H

#include "lib_test.h"

#define MEASUREMENT                                                                          \
	"{'engine':'docker','state':'created','container':{'id':'c0ffee'},"                  \
	"'process':{'pid':4711,'startTime':123456,'cgroupId':987},"                          \
	"'image':{'id':'" DIGEST_A "','manifests':[],'args':['/app'],'env':[],'cwd':'',"     \
	"'user':{'uid':0,'gid':0}},'config':{'args':['/app'],'env':[],'cwd':'/',"            \
	"'user':{'uid':0,'gid':0},'capabilities':[],'noNewPrivileges':false,"                \
	"'readonlyRootfs':false,'seccomp':'unconfined','mounts':[],'devices':[],'hooks':[]," \
	"'settings':[],'namespaces':{'cgroup':'private','ipc':'private','mnt':'private',"    \
	"'net':'private','pid':'private','uts':'private'},'privileged':false},"              \
	"'rootfs':{'upper':'clean','firstStart':true}}"

#endif
