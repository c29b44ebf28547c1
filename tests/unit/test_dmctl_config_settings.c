// SPDX-License-Identifier: Apache-2.0
/* config.json: what is a setting, and what is not; labels of files. */
#include "config_parsed.h"

static void what_nobody_writes_by_default_is_a_setting(void **state)
{
	static const struct {
		const char *changes, *setting;
	} cases[] = {
		{"{'linux':{'sysctl':{'net.core.somaxconn':'9'}}}",
		 "linux.sysctl net.core.somaxconn=9"},
		{"{'annotations':{'run.oci.seccomp_bpf_data':'BgAAAAAA/38='}}",
		 "annotations run.oci.seccomp_bpf_data=BgAAAAAA/38="},
		{"{'annotations':{'run.oci.keep_original_groups':'1'}}",
		 "annotations run.oci.keep_original_groups=1"},
		{"{'annotations':{'module.wasm.image/variant':'compat'}}",
		 "annotations module.wasm.image/variant=compat"},
		{"{'annotations':{'org.systemd.property.DeviceAllow':'x'}}",
		 "annotations org.systemd.property.DeviceAllow=x"},
		{"{'linux':{'readonlyPaths':['/proc/bus','/proc/fs','/proc/irq','/proc/sys']}}",
		 "linux.readonlyPaths lacks /proc/sysrq-trigger"},
		{"{'linux':{'maskedPaths':['/proc/acpi','/proc/keys','/proc/timer_list',"
		 "'/proc/sched_debug','/proc/scsi','/sys/firmware']}}",
		 "linux.maskedPaths lacks /proc/kcore"},
		{"{'linux':{'rootfsPropagation':'shared'}}", "linux.rootfsPropagation=shared"},
		{"{'linux':{'personality':{'domain':'LINUX32'}}}",
		 "linux.personality={\"domain\":\"LINUX32\"}"},
		{"{'linux':{'timeOffsets':{'monotonic':{'secs':9}}}}",
		 "linux.timeOffsets={\"monotonic\":{\"secs\":9}}"},
		{"{'linux':{'netDevices':{'eth0':{}}}}", "linux.netDevices={\"eth0\":{}}"},
		{"{'linux':{'namespaces':[{'type':'user','path':'/proc/9/ns/user'}]}}",
		 "linux.namespaces user joined"},
		{"{'linux':{'namespaces':[{'type':'time'}]}}", "linux.namespaces time"},
		{"{'process':{'scheduler':{'policy':'SCHED_FIFO'}}}",
		 "process.scheduler={\"policy\":\"SCHED_FIFO\"}"},
		{"{'process':{'rlimits':[{'type':'RLIMIT_CORE','hard':9,'soft':9}]}}",
		 "process.rlimits RLIMIT_CORE=9"},
		{"{'process':{'rlimits':[{'type':'RLIMIT_FSIZE','hard':9,'soft':0}]}}",
		 "process.rlimits RLIMIT_FSIZE=0"},
		{"{'process':{'rlimits':[{'type':'RLIMIT_CORE'}]}}", "process.rlimits RLIMIT_CORE"},
		{"{'process':{'user':{'umask':0}}}", "process.user.umask=0"},
		{"{'process':{'selinuxLabel':'system_u:system_r:spc_t:s0'}}",
		 "process.selinuxLabel type=spc_t"},
		{"{'process':{'selinuxLabel':'x'}}", "process.selinuxLabel type=x"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0'}}",
		 "process.selinuxLabel level=s0"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0-s0:c0.c1023'}}",
		 "process.selinuxLabel level=s0-s0:c0.c1023"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0:c0.c1023'}}",
		 "process.selinuxLabel level=s0:c0.c1023"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0:'}}",
		 "process.selinuxLabel level=s0:"},
		{"{'process':{'selinuxLabel':'system_u:system_r:container_t'}}",
		 "process.selinuxLabel level="},
		{"{'mounts':[{'destination':'/x','type':'bind','source':'/y','uidMappings':[]}]}",
		 "mounts /x uidMappings=[]"},
		{"{'vm':{}}", "vm={}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_parsed p = parse_with(&podman, cases[i].changes);

		expect_ok(p.rc, &p.err);
		if (p.m->settings.n != 1)
			fail_msg("%s: %zu settings", cases[i].changes, p.m->settings.n);
		assert_string_equal(p.m->settings.v[0], cases[i].setting);
	}
}

/* The paths that engines write, and one more. */
#define MASKED(path)                                                                           \
	"{'linux':{'maskedPaths':['/proc/acpi','/proc/kcore','/proc/keys','/proc/timer_list'," \
	"'/proc/sched_debug','/proc/scsi','/sys/firmware','" path "']}}"
#define READ_ONLY(path)                                                              \
	"{'linux':{'readonlyPaths':['/proc/bus','/proc/fs','/proc/irq','/proc/sys'," \
	"'/proc/sysrq-trigger','" path "']}}"

static void files_that_are_hidden_or_read_only_are_settings(void **state)
{
	static const struct {
		const char *changes, *setting; /* NULL: none */
	} cases[] = {
		{MASKED("/etc/passwd"), "linux.maskedPaths has /etc/passwd"},
		{MASKED("/data/secret"), "linux.maskedPaths has /data/secret"},
		{MASKED("/"), "linux.maskedPaths has /"},
		{MASKED("etc/passwd"), "linux.maskedPaths has etc/passwd"},
		{MASKED("/proc/../etc/passwd"), "linux.maskedPaths has /proc/../etc/passwd"},
		{MASKED("/proc/self/root/data"), "linux.maskedPaths has /proc/self/root/data"},
		{MASKED("/proc/thread-self/cwd/x"),
		 "linux.maskedPaths has /proc/thread-self/cwd/x"},
		{MASKED("/proc/1/root/data"), "linux.maskedPaths has /proc/1/root/data"},
		{MASKED("/process"), "linux.maskedPaths has /process"},
		{MASKED("/proc/interrupts"), NULL},
		{MASKED("/proc/selfish"), NULL},
		{MASKED("/sys/devices/virtual/powercap"), NULL},
		{READ_ONLY("/data"), "linux.readonlyPaths has /data"},
		{READ_ONLY("/proc/asound"), NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_parsed p = parse_with(&podman, cases[i].changes);

		expect_ok(p.rc, &p.err);
		assert_int_equal(p.m->settings.n, cases[i].setting ? 1 : 0);
		if (cases[i].setting)
			assert_string_equal(p.m->settings.v[0], cases[i].setting);
	}
}

static void what_is_harmless_is_no_setting(void **state)
{
	static const char *const cases[] = {
		"{'annotations':{'container-crypt/volume':'x','io.podman.annotations.autoremove':'TRUE'}}",
		"{'process':{'terminal':true,'consoleSize':{'height':1,'width':1},'oomScoreAdj':1}}",
		"{'process':{'selinuxLabel':'system_u:system_r:container_t:s0:c1,c2'}}",
		"{'process':{'selinuxLabel':''},'domainname':'x'}",
		"{'process':{'rlimits':[{'type':'RLIMIT_CORE','hard':0,'soft':0},"
		"{'type':'RLIMIT_NOFILE','hard':9,'soft':9},{'type':'RLIMIT_FSIZE','hard':1e19,'soft':1e19}]}}",
		"{'linux':{'rootfsPropagation':'rslave','mountLabel':'','resources':{'unified':{}}}}",
		"{'linux':{'namespaces':[{'type':'user'}],"
		"'uidMappings':[{'containerID':0,'hostID':1,'size':1}],'gidMappings':[]}}",
		"{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[]}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_parsed p = parse_with(&docker, cases[i]);

		expect_ok(p.rc, &p.err);
		if (p.m->settings.n)
			fail_msg("%s: %s", cases[i], p.m->settings.v[0]);
	}
}

static void the_label_of_the_containers_files_is_taken_as_it_is(void **state)
{
	static const char *const labels[] = {
		"system_u:object_r:container_file_t:s0:c12,c345",
		"system_u:object_r:container_file_t:s0-s0:c0.c1023",
		"system_u:object_r:svirt_sandbox_file_t",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		char changes[160];

		snprintf(changes, sizeof(changes), "{'linux':{'mountLabel':'%s'}}", labels[i]);
		{
			auto_parsed p = parse_with(&docker, changes);

			expect_ok(p.rc, &p.err);
			assert_string_equal(p.f.mount_label, labels[i]);
		}
	}
}

static void what_is_no_label_is_refused_and_never_becomes_a_mount_option(void **state)
{
	static const char *const values[] = {
		"'x'",		 "'a:b'",	   "'a:b:'",	   "'a::c:s0'",	   "':b:c'",
		"'a:b:c:'",	 "'a,b:c:d:s0'",   "'a:b,c:d:s0'", "'a:b:c,d'",	   "'a:b:c:s0 ro'",
		"'a:b:c:s0\\n'", "'a:b:c\\u00e4'", "'a:b:c:s0/x'", "'a:b:c:s0=1'", "7",
		"['a:b:c']",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char changes[160];

		snprintf(changes, sizeof(changes), "{'linux':{'mountLabel':%s}}", values[i]);
		{
			auto_parsed p = parse_with(&docker, changes);

			if (!p.rc)
				fail_msg("%s was taken", values[i]);
			expect_error(&p.err, CC_E_INVALID, "", "mountLabel");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_label_of_the_containers_files_is_taken_as_it_is),
		cmocka_unit_test(what_is_no_label_is_refused_and_never_becomes_a_mount_option),
		cmocka_unit_test(what_nobody_writes_by_default_is_a_setting),
		cmocka_unit_test(files_that_are_hidden_or_read_only_are_settings),
		cmocka_unit_test(what_is_harmless_is_no_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
