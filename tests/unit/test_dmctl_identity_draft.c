// SPDX-License-Identifier: Apache-2.0
/*
 * What `dmctl identity measure --predicate` and `identity draft` show can be signed, and then
 * admits the container that was measured and the next one with the same options: over mixes of what
 * engines write into config.json for the options of their run.
 */
#include "lib_test.h"

#include <stdlib.h>

#include "digest.h"
#include "dmctl/cli/identity_draft.h"
#include "dmctl/container/oci.h"
#include "keep_identity.h"
#include "strv.h"

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MIXES 400
#define ID_LEN 64

/**
 * struct option - what an option of the engines' run puts into config.json.
 * @at: path of the member, a list that is added to or an object that is merged with
 * @what: JSON; SHORT stands for the container's short id, OWN for its directory, VOLUMES for the
 *        engine's volumes, HEX for a random name
 */
static const struct option {
	const char *at, *what;
} options[] = {
	{"process.env", "['A=b','B=x y=z','EMPTY=','BARE','LANG=de_DE.UTF-8 \u00e4']"},
	{"process.env", "['http_proxy=http://p:1','HTTPS_PROXY=http://p:1','no_proxy=']"},
	{"process.env", "['HOME=/srv','TERM=xterm','HOSTNAME=SHORT']"},
	{"process.env", "['container_uuid=0123456789abcdef0123456789abcdef','container=podman']"},
	{"process.env", "['NOTIFY_SOCKET=/run/notify/notify.sock']"},
	{"process.env", "['A=b','A=c']"},
	{"process", "{'cwd':'/srv','args':['/bin/sh','-c','echo \\'\u00fc\\'; exit']}"},
	{"process", "{'user':{'uid':1000,'gid':0,'additionalGids':[5,5,1000]}}"},
	{"process", "{'user':{'uid':0,'gid':0,'umask':63}}"},
	{"process", "{'noNewPrivileges':true,'apparmorProfile':'mine'}"},
	{"process", "{'apparmorProfile':'unconfined','oomScoreAdj':500}"},
	{"process", "{'capabilities':{'bounding':['CAP_NET_ADMIN','CAP_BPF']}}"},
	{"process", "{'capabilities':{}}"},
	{"process", "{'selinuxLabel':'system_u:system_r:spc_t:s0','terminal':true}"},
	{"process", "{'scheduler':{'policy':'SCHED_FIFO'},'ioPriority':{'class':'x'}}"},
	{"process.rlimits", "[{'type':'RLIMIT_CORE','hard':9,'soft':9}]"},
	{"process.rlimits", "[{'type':'RLIMIT_CORE','hard':1.8446744073709552e19,"
			    "'soft':1.8446744073709552e19}]"},
	{"process.rlimits",
	 "[{'type':'RLIMIT_MEMLOCK','hard':1.8446744073709552e19,"
	 "'soft':1.8446744073709552e19},{'type':'RLIMIT_FSIZE','soft':4,'hard':4}]"},
	{"root", "{'readonly':true}"},
	{"mounts", "[{'destination':'/scratch','type':'tmpfs','source':'tmpfs','options':"
		   "['noexec','nosuid','nodev','size=64m','exec','suid','mode=1777']}]"},
	{"mounts",
	 "[{'destination':'/run/','type':'tmpfs','source':'tmpfs','options':['rw','rprivate',"
	 "'nosuid','nodev','tmpcopyup']}]"},
	{"mounts", "[{'destination':'/a//b/./c','type':'tmpfs','source':'tmpfs','options':[]}]"},
	{"mounts", "[{'destination':'/conf','type':'bind','source':'/srv/conf',"
		   "'options':['rbind','rro','rprivate']}]"},
	{"mounts", "[{'destination':'/conf2','type':'bind','source':'/srv/conf',"
		   "'options':['rw','rbind','ro','rshared']}]"},
	{"mounts", "[{'destination':'/anon','type':'bind','source':'VOLUMES/HEX/_data',"
		   "'options':['rbind','rw']}]"},
	{"mounts", "[{'destination':'/named','type':'bind','source':'VOLUMES/proj_data/_data',"
		   "'options':['rbind','rw']}]"},
	{"mounts", "[{'destination':'/run/secrets','type':'bind','source':'OWN/run/secrets',"
		   "'options':['bind','rprivate']},{'destination':'/run/secrets/pw','type':'bind',"
		   "'source':'OWN/secrets/pw','options':['bind','rprivate','ro','nodev']}]"},
	{"mounts", "[{'destination':'/etc/localtime','type':'bind','source':'OWN/localtime',"
		   "'options':['bind']}]"},
	{"mounts", "[{'destination':'/run/notify','type':'bind','source':'OWN/notify','options':"
		   "['bind']}]"},
	{"mounts", "[{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup','options':"
		   "['rprivate','nosuid','noexec','nodev','rw','relatime']}]"},
	{"mounts", "[{'destination':'/dev/mqueue','type':'bind','source':'/dev/mqueue','options':"
		   "['bind','nosuid']}]"},
	{"mounts",
	 "[{'destination':'/sys','type':'sysfs','source':'sysfs','options':['ro','rshared',"
	 "'dev']}]"},
	{"mounts", "[{'destination':'/data','type':'bind','source':"
		   "'/run/container-crypt/placeholder/vol','options':['rbind','dev','idmap']}]"},
	{"mounts", "[{'destination':'/x','type':'bind','source':'/y','options':['rbind'],"
		   "'uidMappings':[{'containerID':0,'hostID':1,'size':1}]}]"},
	{"linux.sysctl", "{'net.core.somaxconn':'1024','kernel.msgmax':'65536'}"},
	{"linux.resources.devices", "[{'allow':true,'type':'c','major':188,'access':'rmw'},"
				    "{'allow':true,'type':'b','major':8,'minor':16,'access':'r'}]"},
	{"linux.resources.devices", "[{'allow':true,'access':'rwm'}]"},
	{"linux.devices", "[{'path':'/dev/fuse','type':'c','major':10,'minor':229}]"},
	{"linux.devices", "[{'path':'/dev/my disk','type':'b','major':8,'minor':1},"
			  "{'path':'/dev/pipe','type':'p'}]"},
	{"linux", "{'maskedPaths':['/proc/kcore','/etc/passwd'],'readonlyPaths':[]}"},
	{"linux",
	 "{'rootfsPropagation':'rshared','personality':{'domain':'LINUX32'},'intelRdt':{}}"},
	{"linux", "{'seccomp':null}"},
	{"linux", "{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[]}}"},
	{"linux", "{'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['setuid'],"
		  "'action':'SCMP_ACT_ERRNO','errnoRet':0}]}}"},
	{"linux",
	 "{'namespaces':[{'type':'mount'},{'type':'pid'},{'type':'ipc','path':'/proc/1/ns/ipc'}]}"},
	{"linux", "{'namespaces':[{'type':'mount'},{'type':'user','path':'/x'},{'type':'time'}]}"},
	{"annotations", "{'run.oci.handler':'krun','org.opencontainers.image.x':'y'}"},
	{"hooks", "{'createContainer':[{'path':'/usr/bin/nvidia-hook','args':['x']}],"
		  "'poststop':[{'path':'/usr/bin/after'}]}"},
	{"", "{'vm':{},'hostname':'h','domainname':'d'}"},
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* One start of a container: what differs from the next one with the same options. */
struct start {
	const struct engine *engine;
	char id[ID_LEN + 1], own[256], volumes[128], hex[ID_LEN + 1];
};

static void new_start(const struct engine *engine, char digit, struct start *s)
{
	bool is_docker = engine == &engine_docker;

	s->engine = engine;
	memset(s->id, digit, ID_LEN);
	memset(s->hex, digit + 1, ID_LEN);
	s->id[ID_LEN] = s->hex[ID_LEN] = '\0';
	snprintf(s->own, sizeof(s->own),
		 is_docker ? "/var/lib/docker/containers/%s"
			   : "/var/lib/containers/storage/overlay-containers/%s/userdata",
		 s->id);
	snprintf(s->volumes, sizeof(s->volumes), "%s/volumes",
		 is_docker ? "/var/lib/docker" : "/var/lib/containers/storage");
}

/* @text with each @word in it replaced; malloced, takes @text. */
static char *replaced(char *text, const char *word, const char *by)
{
	char *at, *next;

	while ((at = strstr(text, word))) {
		assert_true(asprintf(&next, "%.*s%s%s", (int)(at - text), text, by,
				     at + strlen(word)) > 0);
		free(text);
		text = next;
	}
	return text;
}

static void apply(json_t *config, const struct option *o, const struct start *s)
{
	char *text = strdup(o->what), *path = strdup(o->at), *save = NULL, *key;
	json_t *what, *at = config;

	text = replaced(text, "OWN", s->own);
	text = replaced(text, "VOLUMES", s->volumes);
	text = replaced(text, "HEX", s->hex);
	text = replaced(text, "SHORT", s->id + ID_LEN - 12);
	what = json_of(text);
	for (key = strtok_r(path, ".", &save); key; key = strtok_r(NULL, ".", &save)) {
		if (!json_object_get(at, key))
			json_object_set_new(at, key,
					    json_is_array(what) && !*save ? json_array()
									  : json_object());
		at = json_object_get(at, key);
	}
	if (json_is_array(what))
		json_array_extend(at, what);
	else
		json_object_update(at, what);
	if (json_is_null(json_object_get(at, "seccomp"))) /* unconfined */
		json_object_del(at, "seccomp");
	json_decref(what);
	free(path);
	free(text);
}

/* As measured at such a start with those options, whose numbers are @mix; through keyd's eyes. */
static struct cc_measurement *measured(const struct start *s, const size_t *mix, size_t n)
{
	const char *file = s->engine == &engine_docker ? "tests/fixtures/oci/docker.json"
						       : "tests/fixtures/oci/podman.json";
	char *own_dirs[] = {(char *)(uintptr_t)s->own};
	const struct cc_strv own = {1, own_dirs};
	const struct oci_context ctx = {
		.engine = s->engine, .id = s->id, .bundle = "/run/bundle", .own_dirs = &own};
	cc_auto_json json_t *config = json_load_file(file, 0, NULL), *obj = NULL;
	cc_auto_measurement struct cc_measurement *m = cc_measurement_new();
	struct cc_measurement *got;
	struct oci_facts f = {0};
	struct cc_error err = {0};
	char *text;

	for (size_t i = 0; i < n; i++)
		apply(config, &options[mix[i]], s);
	text = json_dumps(config, JSON_COMPACT);
	expect_ok(oci_config_parse(text, strlen(text), &ctx, m, &f, &err), &err);
	free(text);
	m->engine = strdup(s->engine->name);
	m->container_id = strdup(s->id);
	m->container_name = strdup("app");
	m->pid = 7;
	m->start_time = m->cgroup_id = 1;
	m->image_id = strdup(DIGEST);
	m->image_cwd = strdup("/");
	expect_ok(cc_strv_push(&m->image_args, "/app", &err) ||
			  cc_strv_push(&m->image_env, "A=a", &err) ||
			  cc_strv_push(&m->image_env, "PATH=/bin", &err),
		  &err);
	m->first_start = true;
	m->upper = CC_UPPER_CLEAN;
	oci_facts_clear(&f);
	obj = cc_measurement_to_json(m);
	got = cc_measurement_from_json(obj, &err);
	if (!got)
		fail_msg("%s", err.text);
	return got;
}

static void show(const size_t *mix, size_t n)
{
	for (size_t i = 0; i < n; i++)
		print_message("  %s %s\n", options[mix[i]].at, options[mix[i]].what);
}

static void expect_admitted(const struct engine *engine, const size_t *mix, size_t n)
{
	cc_auto_measurement struct cc_measurement *first = NULL, *next = NULL;
	cc_auto_json json_t *predicate = NULL, *smallest = NULL;
	struct cc_error err = {0};
	struct cc_facts left;
	struct start s;

	new_start(engine, 'a', &s);
	first = measured(&s, mix, n);
	new_start(engine, 'c', &s);
	next = measured(&s, mix, n);
	predicate = identity_draft_from_measurement(first, "vol", "/data", 3);
	smallest = identity_draft_smallest(first, "vol", "/data", 3, false, &left, &err);
	assert_non_null(predicate);
	if (smallest && left.found == 0 && identity_draft_check(predicate, first, &err) == 0 &&
	    identity_draft_check(predicate, next, &err) == 0 &&
	    identity_draft_check(smallest, first, &err) == 0 &&
	    identity_draft_check(smallest, next, &err) == 0) {
		keep_identity(predicate);
		keep_identity(smallest);
		return;
	}
	show(mix, n);
	fail_msg("%s: %s", engine->name, err.text);
}

static void each_option_that_was_measured_and_signed_is_admitted(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_OPTIONS; i++) {
		expect_admitted(&engine_docker, &i, 1);
		expect_admitted(&engine_podman, &i, 1);
	}
}

static void every_mix_of_options_that_was_measured_and_signed_is_admitted(void **state)
{
	(void)state;
	srandom(14);
	for (int k = 0; k < MIXES; k++) {
		size_t mix[8], n = 2 + (size_t)random() % 7;

		for (size_t i = 0; i < n; i++)
			mix[i] = (size_t)random() % N_OPTIONS;
		expect_admitted(k % 2 ? &engine_docker : &engine_podman, mix, n);
	}
}

/* The number of the option that puts @word there. */
static size_t option_with(const char *word)
{
	size_t i = 0;

	while (i < N_OPTIONS && !strstr(options[i].what, word))
		i++;
	assert_true(i < N_OPTIONS);
	return i;
}

static bool has_rule_at(const json_t *predicate, const char *destination)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(predicate, "mounts"), i, rule)
		if (strcmp(json_string_value(json_object_get(rule, "destination")), destination) ==
		    0)
			return true;
	return false;
}

/* Tried out without the volume, an image with a VOLUME has one of the engine's in its place. */
static void what_lies_in_the_place_of_the_volume_is_no_rule_of_a_predicate(void **state)
{
	const size_t mix = option_with("/anon");
	cc_auto_measurement struct cc_measurement *m = NULL;
	cc_auto_json json_t *predicate = NULL, *smallest = NULL;
	struct cc_error err = {0};
	struct cc_facts left;
	struct start s;

	(void)state;
	new_start(&engine_docker, 'a', &s);
	m = measured(&s, &mix, 1);
	predicate = identity_draft_from_measurement(m, "vol", "/anon", 3);
	smallest = identity_draft_smallest(m, "vol", "/anon", 3, false, &left, &err);
	assert_false(has_rule_at(predicate, "/anon"));
	assert_false(has_rule_at(smallest, "/anon"));
	assert_int_equal(identity_draft_check(predicate, m, &err), -1);
	assert_non_null(strstr(err.text, "run it with -v vol:/anon"));
	assert_int_equal(left.n, 1);
	assert_non_null(strstr(left.v[0].text, "run it with -v vol:/anon"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_that_was_measured_and_signed_is_admitted),
		cmocka_unit_test(what_lies_in_the_place_of_the_volume_is_no_rule_of_a_predicate),
		cmocka_unit_test(every_mix_of_options_that_was_measured_and_signed_is_admitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
