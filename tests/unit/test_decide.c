// SPDX-License-Identifier: Apache-2.0
/*
 * The decision: all facts but environment and mounts, which test_decide_env.c and
 * test_decide_mounts.c have.
 */
#include "decide_test.h"

#include "render.h"

#define BIND(dest, source, options)                                                         \
	"{'destination':'" dest "','type':'bind','source':'" source "','options':[" options \
	"],'engine':false}"

static const struct row rows[] = {
	{"the container as signed is allowed", "", NULL, NULL},

	/* volume, serial; validity has tests of its own */
	{"an identity for another volume", "i volume='other'", "volume",
	 "identity is for \"other\", \"pgdata\" was asked for"},
	{"a serial above the accepted one", "i serial=4", NULL, NULL},
	{"a serial below the accepted one", "i serial=2", "serial",
	 "identity has 2, the volume lets in 3 and above"},

	/* image */
	{"another image", "m image.id='" DIGEST_C "'", "image",
	 "identity wants " DIGEST_A ", container has " DIGEST_C},
	{"an image of the second of two platforms",
	 "i image={'configDigest':['" DIGEST_C "','" DIGEST_A "']}", NULL, NULL},
	{"an image of no platform", "i image={'configDigest':['" DIGEST_C "','" DIGEST_B "']}",
	 "image", "identity wants one of [\"" DIGEST_C "\""},
	{"an image whose manifests the engine does not know", "m image.manifests=[]", NULL, NULL},
	{"the signed content in another packaging", "m image.manifests=['" DIGEST_C "']", NULL,
	 NULL},
	{"a subject of the statement that is no manifest of the image",
	 "m image.manifests=['" DIGEST_C "'];m image.ref='other:v2'", NULL, NULL},
	{"an image of a signer that nobody has enrolled",
	 "i image={'signedBy':['release'],'repository':'r.example/db'}", "imageSigner",
	 "is enrolled: release"},
	{"another name or tag of the same image", "m image.ref='evil:latest'", NULL, NULL},

	/* args */
	{"another entrypoint than the image's", "m config.args=['/bin/sh']", "args",
	 "args: identity wants [\"/app\"] (the image's own), container has 1 argument, argv[0] is "
	 "another"},
	{"one more argument", "m config.args=['/app','-x']", "args",
	 "container has 2 arguments, argv[1] is one too many"},
	{"no arguments", "m config.args=[]", "args",
	 "container has 0 arguments, argv[0] is missing"},
	{"signed arguments", "i process={'args':['/app','-v']};m config.args=['/app','-v']", NULL,
	 NULL},
	{"the image's arguments where others are signed", "i process={'args':['/app','-v']}",
	 "args", "identity wants [\"/app\",\"-v\"], container has 1 argument, argv[1] is missing"},
	{"arguments split otherwise", "i process={'args':['/app','-v']};m config.args=['/app -v']",
	 "args", "container has 1 argument, argv[0] is another"},
	{"arguments in another order",
	 "i process={'args':['/app','a','b']};m config.args=['/app','b','a']", "args",
	 "container has 3 arguments, argv[1] is another"},

	/* cwd */
	{"another directory than the image's", "m config.cwd='/tmp'", "cwd",
	 "identity wants \"/\" (the image's own), container has \"/tmp\""},
	{"the image's directory", "m image.cwd='/srv';m config.cwd='/srv'", NULL, NULL},
	{"not the image's directory", "m image.cwd='/srv'", "cwd", "\"/srv\" (the image's own)"},
	{"a signed directory", "i process={'cwd':'/srv'};m config.cwd='/srv'", NULL, NULL},
	{"not the signed directory", "i process={'cwd':'/srv'}", "cwd",
	 "identity wants \"/srv\", container has \"/\""},

	/* user */
	{"root instead of the image's user", "m config.user.uid=0", "user",
	 "identity wants 1000:1000 [10] (the image's own), container has 0:1000 [10]"},
	{"another group", "m config.user.gid=0", "user", "1000:0"},
	{"one group more", "m config.user.additionalGids=[10,0]", "user", "[10,0]"},
	{"one group less", "m config.user.additionalGids=[]", "user", "container has 1000:1000"},
	{"groups in another order and with the first repeated",
	 "i process={'user':{'uid':1000,'gid':1000,'additionalGids':[20,10]}};"
	 "m config.user.additionalGids=[1000,10,20]",
	 NULL, NULL},
	{"a signed user", "i process={'user':{'uid':5,'gid':6}};m config.user={'uid':5,'gid':6}",
	 NULL, NULL},
	{"the image's user where another is signed", "i process={'user':{'uid':5,'gid':6}}", "user",
	 "identity wants 5:6, container has 1000:1000 [10]"},

	/* capabilities */
	{"no capability", "m config.capabilities=[]", NULL, NULL},
	{"Docker's default set",
	 "m config.capabilities=['CAP_CHOWN','CAP_DAC_OVERRIDE','CAP_FSETID','CAP_FOWNER',"
	 "'CAP_MKNOD','CAP_NET_RAW','CAP_SETGID','CAP_SETUID','CAP_SETFCAP','CAP_SETPCAP',"
	 "'CAP_NET_BIND_SERVICE','CAP_SYS_CHROOT','CAP_KILL','CAP_AUDIT_WRITE']",
	 NULL, NULL},
	{"a capability beyond the default", "m config.capabilities=['CAP_CHOWN','CAP_SYS_ADMIN']",
	 "capabilities", "at most the engines' default set, container has \"CAP_SYS_ADMIN\""},
	{"a capability named like a default one", "m config.capabilities=['CAP_CHOWNS']",
	 "capabilities", "CAP_CHOWNS"},
	{"a capability within the signed ceiling",
	 "i process={'capabilities':['CAP_SYS_ADMIN']};m config.capabilities=['CAP_SYS_ADMIN']",
	 NULL, NULL},
	{"a default capability above the signed ceiling", "i process={'capabilities':['CAP_KILL']}",
	 "capabilities", "at most [\"CAP_KILL\"], container has \"CAP_CHOWN\""},
	{"any capability where none is signed", "i process={'capabilities':[]}", "capabilities",
	 "at most []"},

	/* confinement */
	{"new privileges where they must not be had", "i process={'noNewPrivileges':true}",
	 "noNewPrivileges", "--security-opt no-new-privileges"},
	{"no new privileges", "i process={'noNewPrivileges':true};m config.noNewPrivileges=true",
	 NULL, NULL},
	{"no new privileges without demand", "m config.noNewPrivileges=true", NULL, NULL},
	{"setuid programs of the image without demand", "m config.noNewPrivileges=false", NULL,
	 NULL},
	{"a writable root where it must not be", "i readonlyRootfs=true", "readonlyRootfs",
	 "--read-only"},
	{"a read-only root", "i readonlyRootfs=true;m config.readonlyRootfs=true", NULL, NULL},
	{"a read-only root without demand", "m config.readonlyRootfs=true", NULL, NULL},
	{"no filter", "m config.seccomp='unconfined'", "seccomp",
	 "identity wants the engine's own filter, container has unconfined"},
	{"the engine's own filter, of another version", "m config.seccomp='" DIGEST_A "'", NULL,
	 NULL},
	{"the engine's own filter, of another engine",
	 "m engine='podman';m config.seccomp='" DIGEST_B "'", NULL, NULL},
	{"no filter, signed", "i seccomp='unconfined';m config.seccomp='unconfined'", NULL, NULL},
	{"the signed filter", "i seccomp='" DIGEST_C "'", NULL, NULL},
	{"another filter", "i seccomp='" DIGEST_A "'", "seccomp",
	 "identity wants " DIGEST_A ", container has " DIGEST_C},
	{"no filter where one is signed", "i seccomp='" DIGEST_A "';m config.seccomp='unconfined'",
	 "seccomp", "unconfined"},
	{"the signed profile", "i apparmor='docker-default'", NULL, NULL},
	{"another profile", "i apparmor='docker-default';m config.apparmor='unconfined'",
	 "apparmor", "identity wants \"docker-default\", container has \"unconfined\""},
	{"no profile where one is signed",
	 "i apparmor='docker-default';m config.apparmor=", "apparmor", "container has absent"},
	{"no profile without demand", "m config.apparmor=", NULL, NULL},
	{"Podman's own profile", "m config.apparmor='containers-default-0.62.2'", NULL, NULL},
	{"no confinement without demand", "m config.apparmor='unconfined'", "apparmor",
	 "identity wants the engine's default, container has \"unconfined\""},
	{"no confinement, signed", "i apparmor='unconfined';m config.apparmor='unconfined'", NULL,
	 NULL},
	{"a profile of one's own without demand", "m config.apparmor='docker-default2'", "apparmor",
	 "docker-default2"},
	{"a privileged container", "m config.privileged=true", "privileged", "every device"},
	{"a privileged container, signed",
	 "i privileged=true;m config.privileged=true;m config.devices=['/dev/sda']", NULL, NULL},
	{"capabilities of a privileged container are signed one by one",
	 "i privileged=true;m config.privileged=true;m config.capabilities=['CAP_SYS_ADMIN']",
	 "capabilities", "CAP_SYS_ADMIN"},
	{"a device", "m config.devices=['/dev/fuse']", "devices",
	 "at most [], container has \"/dev/fuse\""},
	{"a signed device", "i devices=['/dev/fuse'];m config.devices=['/dev/fuse']", NULL, NULL},
	{"a device beyond the signed ones",
	 "i devices=['/dev/fuse'];m config.devices=['/dev/fuse','/dev/sda']", "devices",
	 "at most [\"/dev/fuse\"], container has \"/dev/sda\""},

	/* namespaces */
	{"the host's network", "m config.namespaces.net='host'", "namespaces",
	 "a private net namespace, container has the host's"},
	{"another container's processes", "m config.namespaces.pid='joined'", "namespaces",
	 "a private pid namespace, container has another container's"},
	{"the host's cgroups", "m config.namespaces.cgroup='host'", "namespaces", "cgroup"},
	{"the host's IPC", "m config.namespaces.ipc='host'", "namespaces", "ipc"},
	{"another container's mounts", "m config.namespaces.mnt='joined'", "namespaces", "mnt"},
	{"the host's name", "m config.namespaces.uts='host'", "namespaces", "uts"},
	{"a shared namespace that is signed",
	 "i sharedNamespaces=['net'];m config.namespaces.net='host'", NULL, NULL},
	{"another shared namespace than signed",
	 "i sharedNamespaces=['net'];m config.namespaces.pid='host'", "namespaces", "pid"},

	/* hooks */
	{"a hook", "m config.hooks=['/tmp/hook']", "hooks", "container has \"/tmp/hook\""},
	{"a signed hook", "i hooks=['/opt/h'];m config.hooks=['/opt/h']", NULL, NULL},
	{"a hook beyond the signed one", "i hooks=['/opt/h'];m config.hooks=['/opt/h','/opt/i']",
	 "hooks", "at most [\"/opt/h\"], container has \"/opt/i\""},

	/* settings */
	{"a setting", "m config.settings=['linux.sysctl a.b=1']", "settings",
	 "at most [], container has \"linux.sysctl a.b=1\""},
	{"a signed setting",
	 "i settings=['linux.sysctl a.b=1'];m config.settings=['linux.sysctl a.b=1']", NULL, NULL},
	{"a signed setting of another value",
	 "i settings=['linux.sysctl a.b=1'];m config.settings=['linux.sysctl a.b=2']", "settings",
	 "a.b=2"},
	{"a setting's command is not told", "m config.settings=['healthcheck=ping -p hunter2']",
	 "settings", "at most [], container has \"healthcheck\""},
	{"nor is a signed one",
	 "i settings=['healthcheck=ping -p hunter2'];"
	 "m config.settings=['annotations run.oci.x=hunter2']",
	 "settings", "at most [\"healthcheck\"], container has \"annotations run.oci.x\""},
	{"a filter that is not the engine's own",
	 "m config.settings=['linux.seccomp.profile=not the engine\\u0027s own']", "seccomp",
	 "wants the engine's own filter, container has another, with "
	 "\"linux.seccomp.profile=not the engine's own\"; run it without --security-opt seccomp, or "
	 "sign \"seccomp\": \"" DIGEST_C "\""},
	{"a filter that answers calls itself",
	 "m config.settings=['linux.seccomp.syscalls errnoRet=0']", "seccomp", "errnoRet=0"},
	{"a filter of which one of two settings is signed",
	 "i settings=['linux.seccomp.listenerPath=/x'];m config.settings=["
	 "'linux.seccomp.listenerPath=/x','linux.seccomp.syscalls errnoRet=0']",
	 "seccomp", "errnoRet=0"},
	{"a filter whose settings are signed",
	 "i settings=['linux.seccomp.listenerPath=/x'];"
	 "m config.settings=['linux.seccomp.listenerPath=/x']",
	 NULL, NULL},
	{"a setting of the signed filter",
	 "i seccomp='" DIGEST_C "';m config.settings=['linux.seccomp.listenerPath=/x']", NULL,
	 NULL},

	/* demands */
	{"what is demanded and holds",
	 "i demands=['no-core','network:none'];m config.holds=['no-tty','no-core','network:none']",
	 NULL, NULL},
	{"what holds without demand", "m config.holds=['no-tty']", NULL, NULL},
	{"one of two demands that does not hold",
	 "i demands=['no-core','no-tty'];m config.holds=['no-tty']", "demands",
	 "identity wants no-core, which does not hold of the container; run it with --ulimit core=0"},
	{"another network than the demanded one",
	 "i demands=['network:none'];m config.holds=['network:bridge']", "demands",
	 "network:none, which does not hold"},
	{"another runtime than the demanded one",
	 "i demands=['runtime:runc'];m config.holds=['runtime:/tmp/runc']", "demands",
	 "runtime:runc, which does not hold"},
	{"another type than the demanded one",
	 "i demands=['selinux-type:container_t'];m config.holds=['selinux-type:spc_t']", "demands",
	 "label=type:"},
	{"another level than the demanded one",
	 "i demands=['selinux-level:s0:c1,c2'];m config.holds=['selinux-level:s0:c1,c3']",
	 "demands", "label=level:"},
	{"a demand that an agent of before knows nothing of", "i demands=['private-ipc']",
	 "demands", "--ipc private"},

	/* rootfs */
	{"files changed before the first start", "m rootfs.upper='dirty';m rootfs.dirty='/app'",
	 "rootfs", "container has \"/app\" changed"},
	{"files as the container left them, at a later start",
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':false,'sinceEnd':'same'}", NULL,
	 NULL},
	{"files changed since the container ended",
	 "m rootfs={'upper':'dirty','dirty':'/bin/evil','firstStart':false,'sinceEnd':'changed'}",
	 "rootfs", "changed since the container ended (\"/bin/evil\""},
	{"files of which nobody knows whether the container left them so",
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':false}", "rootfs",
	 "or sign \"upper\": \"any\""},
	{"a clean layer at a later start, whoever saw the end",
	 "m rootfs={'upper':'clean','firstStart':false}", NULL, NULL},
	{"files that a container wrote which goes on",
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':false,'sinceEnd':'bound'}", NULL,
	 NULL},
	{"the same at the first start",
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':true,'sinceEnd':'same'}", "rootfs",
	 "at the first start"},
	{"upper: any, files changed since the end",
	 "i upper='any';"
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':false,'sinceEnd':'changed'}",
	 NULL, NULL},
	{"upper: any, files changed before the first start",
	 "i upper='any';m rootfs={'upper':'dirty','dirty':'/log','firstStart':true}", "rootfs",
	 "first start"},
	{"upper: clean, files as the container left them",
	 "i upper='clean';"
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':false,'sinceEnd':'same'}",
	 "rootfs", "unchanged at each start"},
	{"upper: clean, a container that goes on",
	 "i upper='clean';"
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':false,'sinceEnd':'bound'}",
	 NULL, NULL},
	{"a read-only root file system with files in its layer",
	 "i readonlyRootfs=true;m config.readonlyRootfs=true;"
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':false,'sinceEnd':'same'}",
	 "rootfs", "unchanged at each start"},
	{"the same, as it was signed",
	 "i readonlyRootfs=true;i upper='same';m config.readonlyRootfs=true;"
	 "m rootfs={'upper':'dirty','dirty':'/log','firstStart':false,'sinceEnd':'same'}",
	 NULL, NULL},
	{"no layer that shows changes at a later start",
	 "m rootfs={'upper':'none','firstStart':false}", "rootfs", "overlay"},
	{"a layer that shows no changes", "m rootfs.upper='none'", "rootfs", "overlay"},
	{"such a layer with the signed digest",
	 "i image.rootfsDigest='" DIGEST_C "';"
	 "m rootfs={'upper':'none','firstStart':true,'digest':'" DIGEST_C "'}",
	 NULL, NULL},
	{"the signed root file system",
	 "i image.rootfsDigest='" DIGEST_C "';m rootfs.digest='" DIGEST_C "'", NULL, NULL},
	{"another root file system",
	 "i image.rootfsDigest='" DIGEST_C "';m rootfs.digest='" DIGEST_A "'", "rootfs",
	 "identity wants " DIGEST_C ", container has " DIGEST_A},
	{"a root file system nobody measured", "i image.rootfsDigest='" DIGEST_C "'", "rootfs",
	 "no measured digest"},
	{"files changed over the signed root file system",
	 "i image.rootfsDigest='" DIGEST_C "';"
	 "m rootfs={'upper':'dirty','dirty':'/app','firstStart':true,'digest':'" DIGEST_C "'}",
	 "rootfs", "/app"},

	/* state */
	{"a container that already runs", "m state='running'", "state", "already runs"},

	/* the order: the first fact that differs is named */
	{"the image before its arguments", "m image.id='" DIGEST_C "';m config.args=['/bin/sh']",
	 "image", ""},
	{"the volume before everything", "i volume='other';m image.id='" DIGEST_C "'", "volume",
	 ""},
	{"the arguments before the mounts",
	 "m config.args=['/bin/sh'];m config.mounts=[" BIND("/x", "/etc", "") "]", "args", ""},
};

static void an_identity_is_valid_from_its_first_to_its_last_second(void **state)
{
	static const struct {
		const char *edits;
		int64_t now;
		const char *text; /* NULL: valid */
	} cases[] = {
		{"i notBefore='2026-05-28T20:26:40Z'", NOW, NULL},
		{"i notBefore='2026-05-28T20:26:40Z'", NOW - 1,
		 "valid from 2026-05-28T20:26:40Z, the time is 2026-05-28T20:26:39Z"},
		{"i notAfter='2026-05-28T20:26:40Z'", NOW, NULL},
		{"i notAfter='2026-05-28T20:26:40Z'", NOW + 1,
		 "valid until 2026-05-28T20:26:40Z, the time is 2026-05-28T20:26:41Z"},
		{"", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cc_policy pol = policy();
		struct cc_error err = {0};

		pol.now = cases[i].now;
		if (cases[i].text) {
			assert_int_equal(decide(cases[i].edits, &pol, &err), -1);
			expect_error(&err, CC_E_REFUSED, "validity", cases[i].text);
		} else {
			expect_ok(decide(cases[i].edits, &pol, &err), &err);
		}
	}
}

static void a_running_container_is_allowed_when_the_policy_says_so(void **state)
{
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	(void)state;
	pol.allow_running = true;
	expect_ok(decide("m state='running'", &pol, &err), &err);
}

static void a_container_that_goes_on_may_have_written_to_its_layer(void **state)
{
	static const char *const changed[] = {
		"m rootfs={'upper':'dirty','dirty':'/log','firstStart':false}",
		"i upper='clean';m rootfs={'upper':'dirty','dirty':'/log','firstStart':false}",
		"m rootfs={'upper':'dirty','dirty':'/log','firstStart':false,'sinceEnd':'changed'}",
	};
	struct cc_policy pol = policy();
	struct cc_error err;

	(void)state;
	pol.renewal = true;
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
		assert_int_equal(decide(changed[i], &pol, &err), 0);
	/* but the image's files are still those that were signed */
	assert_int_equal(decide("i image.rootfsDigest='" DIGEST_C "';m rootfs.digest='" DIGEST_A
				"'",
				&pol, &err),
			 -1);
}

static void the_first_identity_of_a_volume_needs_no_serial(void **state)
{
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	(void)state;
	pol.serial = 0;
	expect_ok(decide("i serial=1", &pol, &err), &err);
}

/* Facts that a broken agent did not fill in are refused, not dereferenced. */
static void an_empty_measurement_is_refused(void **state)
{
	struct parts p = make("");
	cc_auto_measurement struct cc_measurement *empty = cc_measurement_new();
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(cc_decide(p.id, empty, &pol, &err), -1);
	expect_error(&err, CC_E_REFUSED, "image", "container has none");
	free(p.m->cwd);
	p.m->cwd = NULL;
	assert_int_equal(cc_decide(p.id, p.m, &pol, &err), -1);
	expect_error(&err, CC_E_REFUSED, "cwd", "absent");
	p.m->cwd = strdup("/");
	free(p.m->seccomp);
	p.m->seccomp = NULL;
	assert_int_equal(cc_decide(p.id, p.m, &pol, &err), -1);
	expect_error(&err, CC_E_REFUSED, "seccomp", "unconfined");
	free_parts(&p);
}

static void a_refusal_shows_hostile_text_on_one_short_line(void **state)
{
	struct parts p = make("");
	struct cc_policy pol = policy();
	struct cc_error err = {0};
	cc_auto_free char *longer = malloc(10000);

	(void)state;
	memset(longer, 'A', 9999);
	longer[9999] = '\0';
	memcpy(longer, "\n\x1b[2J\"\\", 7);
	free(p.m->cwd);
	p.m->cwd = cc_steal(longer);
	assert_int_equal(cc_decide(p.id, p.m, &pol, &err), -1);
	expect_error(&err, CC_E_REFUSED, "cwd", "container has \"\\n\\u001b[2J\\\"\\\\AAAA");
	assert_string_equal(err.text + strlen(err.text) - strlen("…"), "…");
	assert_true(strlen(err.text) < CC_TEXT_MAX - 1);
	free_parts(&p);
}

/* POSTGRES_PASSWORD was in the audit log. */
static void a_refusal_shows_no_value_of_a_variable_and_no_argument(void **state)
{
	static const char *const edits[] = {
		"m config.env=['PATH=/app/bin','MODE=fast','PASSWORD=hunter2']",
		"m config.env=['PATH=/app/bin','MODE=hunter2']",
		"i process={'env':[{'name':'PASSWORD','value':'x'}]};"
		"m config.env=['PATH=/app/bin','MODE=fast','PASSWORD=hunter2']",
		"m image.env=['PASSWORD=hunter2'];m config.env=[]",
		"m config.args=['hunter2']",
		"m config.args=['/app','--password','hunter2']",
		"i process={'args':['/app','-p','x']};m config.args=['/app','-p','hunter2']",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct parts p = make(edits[i]);
		struct cc_policy pol = policy();
		struct cc_error err = {0};

		assert_int_equal(cc_decide(p.id, p.m, &pol, &err), -1);
		if (strstr(err.text, "hunter2"))
			fail_msg("%s", err.text);
		free_parts(&p);
	}
}

static void text_is_cut_between_characters(void **state)
{
	char out[CC_RENDER_MAX], longer[1000];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		memset(longer, 'x', shift);
		for (size_t i = shift; i + 4 < sizeof(longer); i += 3)
			memcpy(longer + i, "€", 4);
		cc_render_str(longer, out);
		assert_string_equal(out + strlen(out) - strlen("…"), "…");
		assert_true(strlen(out) < CC_RENDER_MAX && strlen(out) > CC_RENDER_MAX - 8);
		cc_text_clean(out);
		assert_null(strchr(out, '?'));
	}
}

static void what_fits_is_shown_whole(void **state)
{
	char out[CC_RENDER_MAX];
	struct cc_strv list = {0};
	struct cc_error err = {0};
	struct cc_user user = {.uid = 4294967294, .gid = 0};

	(void)state;
	assert_string_equal(cc_render_strv(&list, out), "[]");
	expect_ok(cc_strv_push(&list, "", &err), &err);
	expect_ok(cc_strv_push(&list, "a b", &err), &err);
	assert_string_equal(cc_render_strv(&list, out), "[\"\",\"a b\"]");
	cc_strv_clear(&list);
	assert_string_equal(cc_render_str(NULL, out), "absent");
	assert_string_equal(cc_render_user(&user, out), "4294967294:0");
}

static void the_decision_leaves_its_inputs_alone(void **state)
{
	struct parts p = make("i process={'env':[{'name':'X'}]};m config.args=['/bin/sh']");
	cc_auto_json json_t *before = cc_measurement_to_json(p.m), *after = NULL;
	struct cc_policy pol = policy();
	struct cc_error first = {0}, second = {0};

	(void)state;
	assert_int_equal(cc_decide(p.id, p.m, &pol, &first), -1);
	assert_int_equal(cc_decide(p.id, p.m, &pol, &second), -1);
	assert_memory_equal(&first, &second, sizeof(first));
	after = cc_measurement_to_json(p.m);
	assert_true(json_equal(before, after));
	free_parts(&p);
}

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(an_identity_is_valid_from_its_first_to_its_last_second),
		cmocka_unit_test(a_running_container_is_allowed_when_the_policy_says_so),
		cmocka_unit_test(a_container_that_goes_on_may_have_written_to_its_layer),
		cmocka_unit_test(the_first_identity_of_a_volume_needs_no_serial),
		cmocka_unit_test(an_empty_measurement_is_refused),
		cmocka_unit_test(a_refusal_shows_hostile_text_on_one_short_line),
		cmocka_unit_test(a_refusal_shows_no_value_of_a_variable_and_no_argument),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(what_fits_is_shown_whole),
		cmocka_unit_test(the_decision_leaves_its_inputs_alone),
	};

	return run_rows(rows, N_ROWS, others, sizeof(others) / sizeof(others[0]));
}
