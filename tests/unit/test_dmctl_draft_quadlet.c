// SPDX-License-Identifier: Apache-2.0
/* A .container file becomes the smallest predicate, or its key is refused by name. */
#include "draft_test.h"

#include "dmctl/draft/quadlet.h"
#include "dmctl/draft/unit_file.h"
#include "dmctl/draft/words.h"

static bool values;

static json_t *draft_of(const char *text, struct cc_facts *left, struct cc_error *err)
{
	const struct draft_source from = {
		.path = "db.container", .dir = "/etc/containers/systemd", .read = read_made};
	asked_auto struct asked a = {0};

	expect_ok(asked_init(&a, err), err);
	return quadlet_read(text, strlen(text), &from, &a, err)
		       ? NULL
		       : predicate_of(&a, &engine_podman, values, left, err);
}

static void drafts(const char *lines, const char *want)
{
	cc_auto_free char *text = NULL;
	struct cc_facts left = {0};
	struct cc_error err = {0};
	cc_auto_json json_t *p = NULL;

	assert_true(asprintf(&text, "[Container]\nImage=db:1\n%s", lines) > 0);
	p = draft_of(text, &left, &err);
	if (!p)
		fail_msg("%s: %s", text, err.text);
	is_json(p, want, text);
	assert_int_equal(left.n, 0);
}

static void refuses_file(const char *text, const char *says)
{
	struct cc_facts left = {0};
	struct cc_error err = {0};
	cc_auto_json json_t *p = draft_of(text, &left, &err);

	if (p)
		fail_msg("taken: %s", text);
	expect_error(&err, CC_E_INVALID, "", says);
}

static void refuses(const char *lines, const char *says)
{
	cc_auto_free char *text = NULL;

	assert_true(asprintf(&text, "[Container]\nImage=db:1\n%s", lines) > 0);
	refuses_file(text, says);
}

static void what_the_image_says_is_not_repeated(void **state)
{
	(void)state;
	drafts("", "{}");
	drafts("ContainerName=%p\nLabel=a=$x\nPublishPort=80:80\nAutoUpdate=registry\nHostName=h\n"
	       "[Service]\nRestart=on-failure\nEnvironment=A=%h\n[Install]\nWantedBy=a\n[X-Mine]\na=b\n",
	       "{}");
	drafts("Exec=serve\nUser=app\nWorkingDir=/srv\nEnvironment=MODE=own\nRunInit=no\nNotify=false\n",
	       "{}");
	drafts("ReadOnly=true\nNoNewPrivileges=yes\nDropCapability=all\nUlimit=memlock=-1:-1\n"
	       "Network=none\nNetwork=shop.network:ip=10.0.0.1\nCgroupsMode=split\n",
	       "{}");
}

static void lines_go_on_and_repeat_as_systemd_reads_them(void **state)
{
	(void)state;
	drafts("# c\n; c\nExec=a \\\n  b \\\n  \"c d\"\n",
	       "{'process':{'args':['/entry','a','b','c d']}}");
	drafts("Environment=A=1 \"B=x y\"\nEnvironment=C=3\n",
	       "{'process':{'env':[{'name':'A'},{'name':'B'},{'name':'C'}]}}");
	drafts("Environment=A=1\nEnvironment=\nEnvironment=C=3\n",
	       "{'process':{'env':[{'name':'C'}]}}");
	drafts("Exec=a\nExec=b\n", "{'process':{'args':['/entry','b']}}");
	drafts("Exec=a\n  WorkingDir = /w \n", "{'process':{'args':['/entry','a'],'cwd':'/w'}}");
	drafts("Exec=ab\\\ncd 'e\\\nf'\n", "{'process':{'args':['/entry','abcd','ef']}}");
	drafts("Exec=sh -c 'a; echo $$x 100%%'\n",
	       "{'process':{'args':['/entry','sh','-c','a; echo $x 100%']}}");
	drafts("Exec=a \"b\\tc\\\\\" d\\se\n",
	       "{'process':{'args':['/entry','a','b\\tc\\\\','d e']}}");
}

static void each_key_is_what_podman_is_asked(void **state)
{
	(void)state;
	drafts("Entrypoint=/x\n", "{'process':{'args':['/x']}}");
	drafts("Entrypoint=[\"/x\",\"y z\"]\nExec=w\n", "{'process':{'args':['/x','y z','w']}}");
	drafts("User=10\nGroup=20\n",
	       "{'process':{'user':{'uid':10,'gid':20,'additionalGids':[]}}}");
	drafts("AddCapability=CAP_NET_ADMIN\nDropCapability=CAP_KILL CAP_CHOWN\n",
	       "{'process':{'capabilities':['CAP_DAC_OVERRIDE','CAP_FOWNER','CAP_FSETID',"
	       "'CAP_NET_BIND_SERVICE','CAP_SETFCAP','CAP_SETGID','CAP_SETPCAP','CAP_SETUID',"
	       "'CAP_SYS_CHROOT','CAP_NET_ADMIN']}}");
	drafts("SeccompProfile=unconfined\nNetwork=host\n",
	       "{'seccomp':'unconfined','sharedNamespaces':['net']}");
	drafts("Network=other.container\n", "{'sharedNamespaces':['net']}");
	drafts("Sysctl=net.core.somaxconn=1024 net.ipv4.tcp_syncookies=0\n",
	       "{'settings':['linux.sysctl net.core.somaxconn=1024',"
	       "'linux.sysctl net.ipv4.tcp_syncookies=0']}");
	drafts("Ulimit=core=10:20\n", "{'settings':['process.rlimits RLIMIT_CORE=10']}");
	drafts("HealthCmd=curl -f http://localhost\nHealthInterval=5s\n",
	       "{'settings':['healthcheck=[\\\"CMD-SHELL\\\",\\\"curl -f http://localhost\\\"]']}");
	drafts("HealthCmd=none\n", "{}");
	drafts("AddDevice=container-crypt/volume=vol\nAddDevice=-/dev/no-such-device\n"
	       "AddDevice=/dev/zero:/dev/nothing\n",
	       "{'devices':['/dev/nothing c 1:5']}");
}

static void mounts_are_those_of_podman(void **state)
{
	(void)state;
	files[0].path = "/etc/containers/systemd/cache.volume";
	files[0].text = "[Volume]\nLabel=a=b\n";
	files[1].path = "/etc/containers/systemd/named.volume";
	files[1].text = "[Volume]\nVolumeName=n\n";
	files[2].path = "/etc/containers/systemd/ours.volume";
	files[2].text = "[Volume]\nVolumeName=vol\nDriver=container-crypt\n";
	drafts("Volume=/srv/a:/a:ro,Z\nVolume=./b:/b\nVolume=c:/c:U\nVolume=/d\n"
	       "Volume=cache.volume:/e\nVolume=named.volume:/f:noexec\nTmpfs=/t:size=1m,mode=700\n",
	       "{'mounts':[{'destination':'/a','source':'/srv/a','type':'bind','options':['ro']},"
	       "{'destination':'/b','source':'/etc/containers/systemd/b','type':'bind','options':[]},"
	       "{'destination':'/c','source':'/vols/c/_data','type':'bind','options':[]},"
	       "{'destination':'/d','source':'engine:volume','type':'bind','options':[]},"
	       "{'destination':'/e','source':'/vols/systemd-cache/_data','type':'bind','options':[]},"
	       "{'destination':'/f','source':'/vols/n/_data','type':'bind','options':['noexec']},"
	       "{'destination':'/t','source':'tmpfs','type':'tmpfs','options':[]}]}");
	drafts("Volume=../a/./b:/b\n",
	       "{'mounts':[{'destination':'/b','source':'/etc/containers/a/b','type':'bind',"
	       "'options':[]}]}");
	drafts("Mount=type=bind,src=/a,dst=/b,ro=true type=tmpfs,target=/t\n"
	       "Mount=type=volume,source=n,destination=/n\n",
	       "{'mounts':[{'destination':'/b','source':'/a','type':'bind','options':['ro']},"
	       "{'destination':'/t','source':'tmpfs','type':'tmpfs','options':[]},"
	       "{'destination':'/n','source':'/vols/n/_data','type':'bind','options':[]}]}");
	drafts("Volume=vol:/data\nAddDevice=container-crypt/volume=vol\n", "{}");
	drafts("Volume=ours.volume:/data\n", "{}");
	memset(files, 0, sizeof(files));
}

static void values_are_those_of_files(void **state)
{
	(void)state;
	values = true;
	files[0].path = "/etc/containers/systemd/db.env";
	files[0].text = "A=1\n# c\nB=a b # all of it\n";
	drafts("EnvironmentFile=db.env\nEnvironment=A=2\n",
	       "{'process':{'env':[{'name':'A','value':'2'},{'name':'B','value':'a b # all of it'}]}}");
	files[0].text = "A='1'\n";
	refuses("EnvironmentFile=db.env\n", "EnvironmentFile: db.env:1: a value in quotes");
	files[0].text = "A=1\nB\n";
	refuses("EnvironmentFile=db.env\n", "db.env:2: a variable without a value");
	memset(files, 0, sizeof(files));
	values = false;
}

static void what_is_not_known_is_refused_by_name(void **state)
{
	static const struct {
		const char *lines, *says;
	} bad[] = {
		{"Frob=1\n", "db.container:3: what comes of Frob is not known"},
		{"[Kube]\nYaml=x\n", "section [Kube]"},
		{"PodmanArgs=--privileged\n", "db.container:3: PodmanArgs: "},
		{"Pod=x.pod\n", "Pod: "},
		{"Secret=x\n", "Secret: "},
		{"UserNS=auto\n", "UserNS: "},
		{"Timezone=local\n", "Timezone: "},
		{"Annotation=a=b\n", "Annotation: "},
		{"Unmask=ALL\n", "Unmask: "},
		{"RunInit=true\n", "RunInit: "},
		{"Notify=healthy\n", "Notify: true or false"},
		{"EnvironmentHost=1\n", "EnvironmentHost: "},
		{"CgroupsMode=disabled\n", "CgroupsMode: "},
		{"ReadOnly=maybe\n", "ReadOnly: true or false"},
		{"Image=x.build\n", "Image: which image another unit makes"},
		{"Exec=%i\n",
		 "db.container:3: Exec: what systemd puts in the place of %i is not known"},
		{"Exec=a ${HOME}/x\n", "in the place of ${HOME} is not known"},
		{"Volume=%h/x:/x\n", "Volume: what systemd puts in the place of %h"},
		{"Environment=A=$B\n", "in the place of $B"},
		{"Exec=a%\n", "in the place of % is"},
		{"Exec='a\n", "a quote that is not closed"},
		{"Exec=a'b'\n", "a quote in the middle of a word"},
		{"Exec='a'b\n", "a quote in the middle of a word"},
		{"Exec=\\x41\n", "a backslash before"},
		{"Environment=A\n", "variable A has no value here"},
		{"User=postgres\n", "user \"postgres\""},
		{"Group=1\n", "Group: it takes a User"},
		{"WorkingDir=w\n", "an absolute path"},
		{"HealthCmd=[\"CMD\"]\n", "HealthCmd: a list"},
		{"HealthStartupCmd=x\n", "HealthStartupCmd: "},
		{"Network=ns:/x\n", "Network: "},
		{"Ulimit=nofile\n", "Ulimit: NAME=SOFT"},
		{"Ulimit=host\n", "Ulimit: NAME=SOFT"},
		{"AddCapability=all\n", "AddCapability: ALL"},
		{"SeccompProfile=/p.json\n", "SeccompProfile: what comes of the security option"},
		{"Volume=/a:/b:O\n", "option \"O\" of the mount at /b"},
		{"Volume=/a:/b:idmap\n", "option \"idmap\""},
		{"Volume=/a:/b\nTmpfs=/b\n", "two mounts at /b"},
		{"Mount=type=glob,src=/a,dst=/b\n", "type \"glob\""},
		{"Mount=type=bind,src=/a,dst=/b,frob\n", "\"frob\""},
		{"Mount=type=bind,src=/a\n", "type and target"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(bad[i].lines, bad[i].says);
	refuses("Exec=a \\\n# c\n  b\n", "db.container:4: a comment between lines");
	refuses("Exec=a \\", "db.container:3: the last line goes on");
	refuses("Exec='a \\\n  b'\n", "db.container:4: blanks at the beginning");
	refuses("Exec=a\\\n  b\n", "db.container:4: blanks at the beginning");
	refuses("Exec=a '' b\n", "Exec: an empty word");
	refuses("WorkingDir=\"/w\"\n", "WorkingDir: a value with a quote at its end");
	refuses("HealthCmd=test \"x\"\n", "HealthCmd: a value with a quote at its end");
	refuses("Exec=a\r\n", "db.container:3: a control character");
	refuses_file("[Container]\n", "it has no Image");
	refuses_file("Image=x\n", "db.container:1: an assignment before the first section");
	refuses_file("[Container\nImage=x\n", "db.container:1: a section that is not closed");
	refuses_file("[Container]\nImage\n", "db.container:2: neither a section nor KEY=VALUE");
	refuses_file("[Container]\nImage=\x01\n", "db.container:2: a control character");
}

static void a_unit_is_bounded_and_keeps_its_lines(void **state)
{
	cc_cleanup(unit_file_clear) struct unit_file u = {0};
	cc_auto_free char *many = calloc(5, UNIT_LINES_MAX + 2);
	struct cc_error err = {0};
	static const char text[] = "[A]\na=1\n\na=\\\n\n[B]\na = 2\na=3";

	(void)state;
	expect_ok(unit_file_parse(text, strlen(text), "u", &u, &err), &err);
	assert_int_equal(u.n, 4);
	assert_int_equal(u.v[1].line, 4);
	assert_string_equal(u.v[1].value, "");
	assert_null(unit_file_last(&u, "A", "a"));
	assert_string_equal(unit_file_last(&u, "B", "a")->value, "3");
	assert_null(unit_file_next(&u, "B", "a", &u.v[3]));
	unit_file_clear(&u);
	strcpy(many, "[A]\n");
	for (size_t i = 0; i <= UNIT_LINES_MAX; i++)
		memcpy(many + 4 + 4 * i, "a=b\n", 4);
	assert_int_equal(unit_file_parse(many, strlen(many), "u", &u, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "too many assignments");
	assert_int_equal(unit_file_parse(text, UNIT_MAX + 1, "u", &u, &err), -1);
}

static void the_example_that_is_installed_is_read(void **state)
{
	size_t n;
	cc_auto_free char *text = read_fixture("packaging/examples/db.container", &n);
	const struct draft_source from = {.path = "c", .dir = "/d", .read = read_made};
	asked_auto struct asked a = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(asked_init(&a, &err), &err);
	expect_ok(quadlet_read(text, n, &from, &a, &err), &err);
	assert_string_equal(a.image, "registry.example/shop/db:v1");
	assert_true(cc_strv_has(&a.volumes, "pgdata"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_image_says_is_not_repeated),
		cmocka_unit_test(lines_go_on_and_repeat_as_systemd_reads_them),
		cmocka_unit_test(each_key_is_what_podman_is_asked),
		cmocka_unit_test(mounts_are_those_of_podman),
		cmocka_unit_test(values_are_those_of_files),
		cmocka_unit_test(what_is_not_known_is_refused_by_name),
		cmocka_unit_test(a_unit_is_bounded_and_keeps_its_lines),
		cmocka_unit_test(the_example_that_is_installed_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
