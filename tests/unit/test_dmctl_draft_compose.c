// SPDX-License-Identifier: Apache-2.0
/* A service of a Compose file becomes the smallest predicate, or its member is refused by name. */
#include "draft_test.h"

#include "dmctl/draft/compose.h"

static struct cc_strv vars;
static bool values;

static json_t *draft_of(const char *text, const char *service, struct cc_facts *left,
			struct cc_error *err)
{
	const struct draft_source from = {.path = "compose.yaml",
					  .dir = "/srv/My Shop",
					  .service = service,
					  .vars = &vars,
					  .read = read_made};
	asked_auto struct asked a = {0};

	expect_ok(asked_init(&a, err), err);
	return compose_read(text, strlen(text), &from, &a, err)
		       ? NULL
		       : predicate_of(&a, &engine_docker, values, left, err);
}

/* @service: NULL for the only one. Nothing is left that no predicate lets in. */
static void drafts_of(const char *text, const char *service, const char *want)
{
	struct cc_facts left = {0};
	struct cc_error err = {0};
	cc_auto_json json_t *p = draft_of(text, service, &left, &err);

	if (!p)
		fail_msg("%s: %s", text, err.text);
	is_json(p, want, text);
	assert_int_equal(left.n, 0);
}

/* @members: lines of the service's, each with four spaces before it. */
static void drafts(const char *members, const char *want)
{
	cc_auto_free char *text = NULL;

	assert_true(asprintf(&text, "services:\n  db:\n    image: db:1\n%s", members) > 0);
	drafts_of(text, NULL, want);
}

static void refuses_file(const char *text, enum cc_code code, const char *says)
{
	struct cc_facts left = {0};
	struct cc_error err = {0};
	cc_auto_json json_t *p = draft_of(text, NULL, &left, &err);

	if (p)
		fail_msg("taken: %s", text);
	expect_error(&err, code, "", says);
}

static void refuses(const char *members, const char *says)
{
	cc_auto_free char *text = NULL;

	assert_true(asprintf(&text, "services:\n  db:\n    image: db:1\n%s", members) > 0);
	refuses_file(text, CC_E_INVALID, says);
}

static void what_the_image_says_is_not_repeated(void **state)
{
	(void)state;
	drafts("", "{}");
	drafts("    command: serve\n    user: app\n    working_dir: /srv\n    environment: [MODE=own]\n",
	       "{}");
	drafts("    container_name: x\n    restart: unless-stopped\n    ports: [8080:80]\n"
	       "    networks: [a]\n    labels: {a: b}\n    tty: yes\n    mem_limit: 1g\n"
	       "    depends_on: {x: {condition: service_healthy}}\n    x-note: any\n"
	       "    logging: {driver: json-file}\n    shm_size: 128mb\n    privileged: false\n",
	       "{}");
}

static void program_and_environment_are_named(void **state)
{
	(void)state;
	drafts("    entrypoint: /bin/x\n", "{'process':{'args':['/bin/x']}}");
	drafts("    command: [a, 'b c', 3]\n", "{'process':{'args':['/entry','a','b c','3']}}");
	drafts("    command: a 'b c' \"d \\\"e\" f\\ g\n",
	       "{'process':{'args':['/entry','a','b c','d \\\"e','f g']}}");
	drafts("    command: sh -c 'a; b && echo $$HOME'\n",
	       "{'process':{'args':['/entry','sh','-c','a; b && echo $HOME']}}");
	drafts("    entrypoint: [/x]\n    command: [y]\n    working_dir: /w\n    user: 10:20\n",
	       "{'process':{'args':['/x','y'],'cwd':'/w','user':{'uid':10,'gid':20,"
	       "'additionalGids':[]}}}");
	drafts("    environment:\n      A: 1\n      B: \"0755\"\n      MODE: own\n",
	       "{'process':{'env':[{'name':'A'},{'name':'B'}]}}");
	drafts("    environment:\n      - A=1\n      - MODE=other\n",
	       "{'process':{'env':[{'name':'A'},{'name':'MODE'}]}}");
	drafts("    environment: {HOME: /h, TERM: xterm}\n",
	       "{'process':{'env':[{'name':'HOME'}]}}");
}

static void values_are_those_of_files_and_variables(void **state)
{
	struct cc_error err = {0};

	(void)state;
	values = true;
	files[0].path = "/srv/My Shop/db.env";
	files[0].text = "# c\nexport A='1 # $x'\nB=two # comment\nC=\"a\\\"b\"\n\nD=\n";
	expect_ok(cc_strv_push(&vars, "WORD=pass", &err), &err);
	expect_ok(cc_strv_push(&vars, "EMPTY=", &err), &err);
	drafts("    env_file: db.env\n    environment: {B: three}\n",
	       "{'process':{'env':[{'name':'A','value':'1 # $x'},{'name':'B','value':'three'},"
	       "{'name':'C','value':'a\\\"b'},{'name':'D','value':''}]}}");
	drafts("    env_file: [{path: ./db.env}, {path: none.env, required: false}]\n"
	       "    environment:\n      - WORD\n      - E=${EMPTY:-x}${EMPTY-y}${NONE:-z}\n"
	       "      - F=$WORD-${WORD:+set}${NONE+no}$$\n",
	       "{'process':{'env':[{'name':'A','value':'1 # $x'},{'name':'B','value':'two'},"
	       "{'name':'C','value':'a\\\"b'},{'name':'D','value':''},{'name':'WORD','value':'pass'},"
	       "{'name':'E','value':'xz'},{'name':'F','value':'pass-set$'}]}}");
	cc_strv_clear(&vars);
	files[0].path = NULL;
	values = false;
}

static void confinement_is_named_where_it_is_another(void **state)
{
	(void)state;
	drafts("    cap_drop: [ALL]\n    read_only: true\n    security_opt: [no-new-privileges:true]\n",
	       "{}");
	drafts("    cap_drop: [ALL]\n    cap_add: [net_admin, CAP_CHOWN]\n",
	       "{'process':{'capabilities':['CAP_NET_ADMIN','CAP_CHOWN']}}");
	drafts("    security_opt: [seccomp:unconfined]\n", "{'seccomp':'unconfined'}");
	drafts("    network_mode: host\n    pid: service:x\n",
	       "{'sharedNamespaces':['net','pid']}");
	drafts("    network_mode: none\n    ipc: private\n", "{}");
	drafts("    sysctls: {net.core.somaxconn: 1024}\n",
	       "{'settings':['linux.sysctl net.core.somaxconn=1024']}");
	drafts("    sysctls: [net.core.somaxconn=1024]\n    domainname: d\n",
	       "{'settings':['linux.sysctl net.core.somaxconn=1024',"
	       "'linux.sysctl kernel.domainname=d']}");
	drafts("    ulimits: {nofile: {soft: 65536, hard: 65536}, memlock: -1, core: 0}\n", "{}");
	drafts("    ulimits: {core: -1, fsize: {soft: 5, hard: 6}}\n",
	       "{'settings':['process.rlimits RLIMIT_CORE=unlimited',"
	       "'process.rlimits RLIMIT_FSIZE=5']}");
	drafts("    healthcheck: {test: pg_isready -U x, interval: 5s}\n",
	       "{'settings':['healthcheck=[\\\"CMD-SHELL\\\",\\\"pg_isready -U x\\\"]']}");
	drafts("    healthcheck: {test: [CMD, redis-cli, ping]}\n",
	       "{'settings':['healthcheck=[\\\"CMD\\\",\\\"redis-cli\\\",\\\"ping\\\"]']}");
	drafts("    healthcheck: {disable: true}\n", "{}");
	drafts("    devices: [/dev/null:/dev/null:rwm, '/dev/zero:/dev/nothing']\n",
	       "{'devices':['/dev/nothing c 1:5']}");
}

static void mounts_in_both_forms_are_the_same(void **state)
{
	static const char want[] =
		"{'mounts':[{'destination':'/conf','source':'/srv/My Shop/conf','type':'bind',"
		"'options':['ro']},{'destination':'/up','source':'/srv/up','type':'bind',"
		"'options':[]},{'destination':'/cache','source':'/vols/myshop_cache/_data',"
		"'type':'bind','options':[]},{'destination':'/tmp','source':'tmpfs','type':'tmpfs',"
		"'options':[]}]}";

	(void)state;
	drafts_of("services:\n  db:\n    image: x\n    volumes:\n      - ./conf:/conf/:ro\n"
		  "      - ../up:/up:rw,z\n      - cache:/cache\n    tmpfs: /tmp:size=64m\n"
		  "volumes: {cache: }\n",
		  NULL, want);
	drafts_of("services:\n  db:\n    image: x\n    volumes:\n"
		  "      - {type: bind, source: ./conf, target: /conf, read_only: true}\n"
		  "      - type: bind\n        source: ../up\n        target: /up\n"
		  "        bind: {create_host_path: true, propagation: rprivate}\n"
		  "      - {type: volume, source: cache, target: /cache, volume: {nocopy: true}}\n"
		  "      - {type: tmpfs, target: /tmp, tmpfs: {size: 1000}}\n"
		  "volumes:\n  cache:\n    driver: local\n",
		  NULL, want);
	drafts("    volumes: ['/a:/b:rshared', /anonymous]\n",
	       "{'mounts':[{'destination':'/b','source':'/a','type':'bind','options':['rshared']},"
	       "{'destination':'/anonymous','source':'engine:volume','type':'bind','options':[]}]}");
	drafts_of(
		"name: p\nservices:\n  db:\n    image: x\n    secrets: [pw, {source: key, target: k}]\n"
		"    configs: [{source: conf, target: /etc/conf}]\n"
		"secrets: {pw: {file: ./pw.txt}, key: {file: /k}}\nconfigs: {conf: {file: c}}\n",
		NULL,
		"{'mounts':[{'destination':'/run/secrets/pw','source':'/srv/My Shop/pw.txt',"
		"'type':'bind','options':['ro']},{'destination':'/run/secrets/k','source':'/k',"
		"'type':'bind','options':['ro']},{'destination':'/etc/conf',"
		"'source':'/srv/My Shop/c','type':'bind','options':['ro']}]}");
}

static void the_volume_itself_needs_no_rule(void **state)
{
	struct cc_facts left = {0};
	struct cc_error err = {0};
	json_t *p;

	(void)state;
	drafts_of(
		"services:\n  db:\n    image: x\n    volumes: ['vol:/data']\n    deploy:\n"
		"      resources:\n        reservations:\n          devices:\n"
		"            - driver: cdi\n              device_ids: [container-crypt/volume=vol]\n"
		"              capabilities: [container-crypt]\n"
		"volumes: {vol: {name: vol, driver: container-crypt}}\n",
		NULL, "{}");
	drafts_of(
		"services: {db: {image: x, volumes: ['vol:/data']}}\nvolumes: {vol: {external: true}}\n",
		NULL, "{}");
	/* the engine's own of that name, and the image's, lie in the way */
	p = draft_of(
		"services: {db: {image: x, volumes: ['v:/data']}}\nvolumes: {v: {name: vol}}\n",
		NULL, &left, &err);
	assert_non_null(p);
	json_decref(p);
	assert_int_equal(left.n, 1);
	assert_string_equal(left.v[0].fact, "mounts");
}

static void volumes_of_the_image_are_the_engines(void **state)
{
	const char *kept = image_json;
	struct cc_facts left = {0};
	struct cc_error err = {0};
	json_t *p;

	(void)state;
	image_json = "{'config':{'Cmd':['x'],'Volumes':{'/var/lib/x':{},'/cache/':{}}}}";
	drafts("    tmpfs: [/cache]\n",
	       "{'mounts':[{'destination':'/cache','source':'tmpfs','type':'tmpfs','options':[]},"
	       "{'destination':'/var/lib/x','source':'engine:volume','type':'bind','options':[]}]}");
	image_json = "{'config':{'Cmd':['x'],'Volumes':{'/data':{}}}}";
	p = draft_of("services: {db: {image: x}}\n", NULL, &left, &err);
	image_json = kept;
	assert_non_null(p);
	json_decref(p);
	assert_int_equal(left.n, 1);
	if (!strstr(left.v[0].text, "the image has a VOLUME at"))
		fail_msg("%s", left.v[0].text);
}

static void anchors_and_merge_keys_are_followed(void **state)
{
	static const char text[] =
		"x-base: &base\n  image: base:1\n  user: 1:2\n  environment: &env {A: 1, B: 2}\n"
		"x-more: &more {working_dir: /w, user: 3:4}\n"
		"services:\n"
		"  one:\n    <<: *base\n    environment:\n      <<: *env\n      C: 3\n"
		"  two:\n    <<: [*more, *base]\n    environment: *env\n"
		"  three:\n    user: 9:9\n    <<: *base\n    environment: {}\n";

	(void)state;
	drafts_of(text, "one",
		  "{'process':{'user':{'uid':1,'gid':2,'additionalGids':[]},'env':[{'name':'C'},"
		  "{'name':'A'},{'name':'B'}]}}");
	drafts_of(text, "two",
		  "{'process':{'cwd':'/w','user':{'uid':3,'gid':4,'additionalGids':[]},"
		  "'env':[{'name':'A'},{'name':'B'}]}}");
	drafts_of(text, "three", "{'process':{'user':{'uid':9,'gid':9,'additionalGids':[]}}}");
}

/* A short file that asks for much is not followed. */
static void what_is_asked_for_is_bounded(void **state)
{
	cc_auto_free char *text = NULL, *word = calloc(1, 100001);
	char *at;

	(void)state;
	memset(word, 'x', 100000);
	assert_true(asprintf(&text, "x-a: &a %s\nservices: {db: {image: x, command: [", word) > 0);
	text = realloc(text, strlen(text) + 4 * 50 + 8);
	assert_non_null(text);
	at = text + strlen(text);
	for (size_t i = 0; i < 50; i++)
		at = stpcpy(at, "*a ,");
	strcpy(at, "]}}\n");
	refuses_file(text, CC_E_INVALID,
		     "command: with variables and aliases put in it is too long");
	free(text);
	assert_true(asprintf(&text, "services: {db: {image: x, environment: [%80000s]}}\n", "") >
		    0);
	at = strchr(text, '[') + 1;
	for (size_t i = 0; i < 5000; i++) {
		char var[16];

		at += snprintf(var, sizeof(var), "V%zu=1 ,", i);
		memcpy(at - strlen(var), var, strlen(var));
	}
	refuses_file(text, CC_E_INVALID, "more than 4096 variables");
}

static void aliases_are_bounded(void **state)
{
	char text[2048] = "a: &a [x,x,x,x,x,x,x,x,x]\n";
	size_t n = strlen(text);

	(void)state;
	for (char c = 'b'; c <= 'i'; c++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c,
				      c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1,
				      c - 1);
	refuses_file(text, CC_E_INVALID, "more than 200000 values");
	n = (size_t)snprintf(text, sizeof(text), "a1: &a1 [x]\n");
	for (int i = 2; i <= 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a%d: &a%d [*a%d]\n", i, i,
				      i - 1);
	refuses_file(text, CC_E_INVALID, "more than 32 levels");
	refuses_file("a: &a [*a]\n", CC_E_INVALID, "nothing before has the anchor");
	refuses_file("a: *b\nb: &b 1\n", CC_E_INVALID, "nothing before has the anchor");
	refuses_file("services: {db: {<<: text}}\n", CC_E_INVALID, "a merge key takes a mapping");
	refuses_file("services: {db: {<<: [1]}}\n", CC_E_INVALID, "a merge key takes a mapping");
	refuses_file("a: !reset null\n", CC_E_INVALID, "tags are not allowed");
}

static void what_is_not_known_is_refused_by_name(void **state)
{
	static const struct {
		const char *members, *says;
	} bad[] = {
		{"    frobnicate: 1\n", "services.db: what comes of \"frobnicate\" is not known"},
		{"    extends: {service: x}\n", "services.db: extends: "},
		{"    profiles: [debug]\n", "services.db: profiles: "},
		{"    privileged: true\n", "services.db: privileged: "},
		{"    init: true\n", "services.db: init: "},
		{"    privileged: yes\n", "true or false"},
		{"    runtime: runsc\n", "services.db: runtime: "},
		{"    group_add: [1]\n", "group_add: "},
		{"    ipc: host\n", "ipc: what comes of \"host\""},
		{"    userns_mode: host\n", "userns_mode: "},
		{"    gpus: all\n", "gpus: "},
		{"    user: postgres\n", "user \"postgres\""},
		{"    user: 1000\n", "UID:GID"},
		{"    command: a | b\n", "command: no shell reads it"},
		{"    command: a 'b\n", "command: a quote that is not closed"},
		{"    command: []\n", "command: it is empty"},
		{"    command: 1.5\n", "command: a number or date"},
		{"    command: [0755]\n", "put it in quotes"},
		{"    command: {a: b}\n", "a text is needed"},
		{"    working_dir: w\n", "an absolute path"},
		{"    environment: {A: 1.10}\n", "put it in quotes"},
		{"    environment: {A: 2026-11-29}\n", "put it in quotes"},
		{"    environment: {A: }\n", "variable A has no value here"},
		{"    environment: [A]\n", "--env-file"},
		{"    environment: {A: $X}\n", "variable X is not known"},
		{"    environment: {A: '${X}'}\n", "variable X is not known"},
		{"    environment: {A: '${X:?say it}'}\n", "variable X is not known"},
		{"    environment: {A: '${X:-${Y}}'}\n", "${X}: a variable in"},
		{"    environment: {A: '${X:-$Y}'}\n", "${X}: a variable in"},
		{"    environment: {A: '${X/a/b}'}\n", "this form of a variable"},
		{"    environment: {A: '${X'}\n", "a brace that is not closed"},
		{"    environment: {A: '$ '}\n", "write $$"},
		{"    cap_add: [ALL]\n", "cap_add: ALL"},
		{"    cap_add: ['x y']\n", "is not a capability"},
		{"    security_opt: [seccomp:./p.json]\n", "security option"},
		{"    security_opt: [label=disable]\n", "security option"},
		{"    devices: [nvidia.com/gpu=all]\n", "by CDI"},
		{"    devices: [/dev/no-such-device]\n", "is not a device of this host"},
		{"    ulimits: {frob: 1}\n", "\"frob\" is not a limit"},
		{"    ulimits: {nofile: many}\n", "limit nofile"},
		{"    sysctls: [a]\n", "is not NAME=VALUE"},
		{"    volumes: ['x:/y']\n", "\"x\" is not one of the file's volumes"},
		{"    volumes: ['~/x:/y']\n", "whose home"},
		{"    volumes: ['/x:y']\n", "is not a path in a container"},
		{"    volumes: ['/x:/y:frob']\n", "option \"frob\" of the mount at /y"},
		{"    volumes: ['/x:/y', '/z:/y/']\n", "two mounts at /y"},
		{"    volumes: [{type: npipe, source: x, target: /y}]\n", "type \"npipe\""},
		{"    volumes: [{type: bind, source: /x, target: /y, frob: 1}]\n", "\"frob\""},
		{"    volumes: /x\n", "volumes: a list is needed"},
		{"    secrets: [pw]\n", "\"pw\" is not one of the file's secrets"},
		{"    deploy: {frob: 1}\n", "deploy: what comes of \"frob\""},
		{"    deploy: {resources: {reservations: {devices: [{driver: nvidia}]}}}\n",
		 "driver \"nvidia\""},
		{"    healthcheck: {frob: 1}\n", "healthcheck: what comes of \"frob\""},
		{"    image: y\n", "\"image\" is there twice"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(bad[i].members, bad[i].says);
}

static void files_that_take_others_with_them_are_refused(void **state)
{
	(void)state;
	refuses_file("include: [x.yaml]\nservices: {db: {image: x}}\n", CC_E_INVALID, "include: ");
	refuses_file("frob: 1\nservices: {db: {image: x}}\n", CC_E_INVALID, "\"frob\"");
	refuses_file("services: {a: {image: x}, b: {image: y}}\n", CC_E_INVALID, "FILE#SERVICE");
	refuses_file("services: {}\n", CC_E_INVALID, "it has no services");
	refuses_file("[]\n", CC_E_INVALID, "a mapping is needed");
	refuses_file("services: {db: 1}\n", CC_E_INVALID, "services.db: a mapping is needed");
	refuses_file("services: {db: {}}\n", CC_E_INVALID, "neither an image nor a build");
	refuses_file("services: {db: {image: x, env_file: none.env}}\n", CC_E_NOTFOUND, "none.env");
	refuses_file("a: b: c\n", CC_E_INVALID, "compose.yaml:1:5: ");
}

/* As their documentation has them, and as it is rewritten by "docker compose config". */
static void files_from_the_field_are_read(void **state)
{
	(void)state;
	/* postgres */
	drafts_of("# Use postgres/example user/password credentials\n\nservices:\n\n  db:\n"
		  "    image: postgres\n    restart: always\n"
		  "    # set shared memory limit when using docker compose\n    shm_size: 128mb\n"
		  "    # or set shared memory limit when deploy via swarm stack\n    volumes:\n"
		  "      - type: tmpfs\n        target: /dev/shm\n        tmpfs:\n"
		  "          size: 134217728 # 128*2^20 bytes = 128Mb\n    environment:\n"
		  "      POSTGRES_PASSWORD: example\n\n  adminer:\n    image: adminer\n"
		  "    restart: always\n    ports:\n      - 8080:8080\n",
		  "db",
		  "{'process':{'env':[{'name':'POSTGRES_PASSWORD'}]},'mounts':[{'destination':"
		  "'/dev/shm','source':'tmpfs','type':'tmpfs','options':[]}]}");
	/* redis */
	drafts_of(
		"version: 3.8\nservices:\n  cache:\n    image: redis:6.2-alpine\n    restart: always\n"
		"    ports:\n      - '6379:6379'\n"
		"    command: redis-server --save 20 1 --loglevel warning --requirepass eYVX7EwV\n"
		"    volumes: \n      - cache:/redis\nvolumes:\n  cache:\n    driver: local\n",
		NULL,
		"{'process':{'args':['/entry','redis-server','--save','20','1','--loglevel','warning',"
		"'--requirepass','eYVX7EwV']},'mounts':[{'destination':'/redis','source':"
		"'/vols/myshop_cache/_data','type':'bind','options':[]}]}");
	/* nginx */
	drafts_of("services:\n  web:\n    image: nginx\n    volumes:\n"
		  "     - ./templates:/etc/nginx/templates\n    ports:\n     - \"8080:80\"\n"
		  "    environment:\n     - NGINX_HOST=foobar.com\n     - NGINX_PORT=80\n",
		  NULL,
		  "{'process':{'env':[{'name':'NGINX_HOST'},{'name':'NGINX_PORT'}]},'mounts':["
		  "{'destination':'/etc/nginx/templates','source':'/srv/My Shop/templates','type':"
		  "'bind','options':[]}]}");
	/* elasticsearch */
	drafts_of(
		"services:\n  es01:\n    image: elasticsearch:8.17.0\n    labels:\n      co: elastic\n"
		"    volumes:\n      - certs:/usr/share/elasticsearch/config/certs\n    ports:\n"
		"      - 9200:9200\n    environment:\n      - node.name=es01\n"
		"      - bootstrap.memory_lock=true\n      - xpack.security.enabled=true\n"
		"    mem_limit: 1073741824\n    ulimits:\n      memlock:\n        soft: -1\n"
		"        hard: -1\n    healthcheck:\n      test:\n        [\n"
		"          \"CMD-SHELL\",\n          \"curl -s https://localhost:9200\",\n        ]\n"
		"      interval: 10s\n      retries: 120\nvolumes:\n  certs:\n    driver: local\n",
		NULL,
		"{'process':{'env':[{'name':'node.name'},{'name':'bootstrap.memory_lock'},"
		"{'name':'xpack.security.enabled'}]},'settings':['healthcheck=[\\\"CMD-SHELL\\\","
		"\\\"curl -s https://localhost:9200\\\"]'],'mounts':[{'destination':"
		"'/usr/share/elasticsearch/config/certs','source':'/vols/myshop_certs/_data','type':"
		"'bind','options':[]}]}");
	/* docker compose config */
	drafts_of(
		"name: shop\nservices:\n  db:\n    command: null\n    entrypoint: null\n"
		"    environment:\n      A: \"1\"\n    image: db:1\n    networks:\n      default: null\n"
		"    ports:\n      - mode: ingress\n        target: 80\n        published: \"8080\"\n"
		"        protocol: tcp\n    volumes:\n      - type: volume\n        source: cache\n"
		"        target: /cache\n        volume: {}\n      - type: bind\n"
		"        source: /srv/x\n        target: /x\n        bind:\n"
		"          create_host_path: true\nnetworks:\n  default:\n    name: shop_default\n"
		"volumes:\n  cache:\n    name: shop_cache\n",
		NULL,
		"{'process':{'env':[{'name':'A'}]},'mounts':[{'destination':'/cache','source':"
		"'/vols/shop_cache/_data','type':'bind','options':[]},{'destination':'/x','source':"
		"'/srv/x','type':'bind','options':[]}]}");
}

static void the_example_that_is_installed_is_read(void **state)
{
	size_t n;
	cc_auto_free char *text = read_fixture("packaging/examples/compose.yaml", &n);
	const struct draft_source from = {.path = "c", .dir = "/d", .read = read_made};
	asked_auto struct asked a = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(asked_init(&a, &err), &err);
	expect_ok(compose_read(text, n, &from, &a, &err), &err);
	assert_string_equal(a.image, "registry.example/shop/db:v1");
	assert_true(cc_strv_has(&a.volumes, "pgdata"));
	assert_string_equal(a.m->mounts[0].type, ASKED_PLACEHOLDER);
	assert_string_equal(a.m->mounts[0].source, "pgdata");
}

static void an_image_that_is_built_has_the_projects_name(void **state)
{
	static const char text[] = "services: {db: {build: .}}\n";
	const struct draft_source from = {.path = "c", .dir = "/srv/My Shop", .read = read_made};
	asked_auto struct asked a = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(asked_init(&a, &err), &err);
	expect_ok(compose_read(text, strlen(text), &from, &a, &err), &err);
	assert_string_equal(a.image, "myshop-db");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_image_says_is_not_repeated),
		cmocka_unit_test(program_and_environment_are_named),
		cmocka_unit_test(values_are_those_of_files_and_variables),
		cmocka_unit_test(confinement_is_named_where_it_is_another),
		cmocka_unit_test(mounts_in_both_forms_are_the_same),
		cmocka_unit_test(the_volume_itself_needs_no_rule),
		cmocka_unit_test(volumes_of_the_image_are_the_engines),
		cmocka_unit_test(anchors_and_merge_keys_are_followed),
		cmocka_unit_test(aliases_are_bounded),
		cmocka_unit_test(what_is_asked_for_is_bounded),
		cmocka_unit_test(what_is_not_known_is_refused_by_name),
		cmocka_unit_test(files_that_take_others_with_them_are_refused),
		cmocka_unit_test(files_from_the_field_are_read),
		cmocka_unit_test(the_example_that_is_installed_is_read),
		cmocka_unit_test(an_image_that_is_built_has_the_projects_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
