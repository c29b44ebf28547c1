// SPDX-License-Identifier: Apache-2.0
/*
 * The decision's part about the environment.
 */
#include "decide_test.h"

#include <time.h>

#define PATH_VAR "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct row rows[] = {
	{"a variable more", "m config.env=['PATH=/app/bin','MODE=fast','EVIL=1']", "env",
	 "container has \"EVIL\""},
	{"another value than the image's", "m config.env=['PATH=/app/bin','MODE=slow']", "env",
	 "container has \"MODE\" with another value"},
	{"the image's variable taken away", "m config.env=['PATH=/app/bin']", "env",
	 "the image's own variable \"MODE\", the"},
	{"what the engines set themselves",
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=/root','HOSTNAME=x','TERM=xterm',"
	 "'container=podman']",
	 NULL, NULL},
	{"another home than the image's",
	 "m image.env=['PATH=/app/bin','MODE=fast','HOME=/app'];"
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=/srv/data']",
	 "env", "\"HOME\" with another value"},
	{"the image's home",
	 "m image.env=['PATH=/app/bin','MODE=fast','HOME=/app'];"
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=/app']",
	 NULL, NULL},
	{"a preloaded library", "m config.env=['PATH=/app/bin','MODE=fast','LD_PRELOAD=/x.so']",
	 "env", "\"LD_PRELOAD\""},
	{"a loader's directory",
	 "m config.env=['PATH=/app/bin','MODE=fast','LD_LIBRARY_PATH=/tmp']", "env",
	 "\"LD_LIBRARY_PATH\""},
	{"a loader's variable of the image's own",
	 "m image.env=['PATH=/app/bin','MODE=fast','LD_LIBRARY_PATH=/app/lib'];"
	 "m config.env=['PATH=/app/bin','MODE=fast','LD_LIBRARY_PATH=/app/lib']",
	 NULL, NULL},
	{"a loader's variable that is signed",
	 "i process={'env':[{'name':'LD_PRELOAD','value':'/app/j.so'}]};"
	 "m config.env=['PATH=/app/bin','MODE=fast','LD_PRELOAD=/app/j.so']",
	 NULL, NULL},
	{"another search path than the image's", "m config.env=['PATH=/tmp','MODE=fast']", "env",
	 "\"PATH\" with another value"},
	{"the engines' search path where the image sets one",
	 "m config.env=['" PATH_VAR "','MODE=fast']", "env", "\"PATH\" with another value"},
	{"the engines' search path where the image sets none",
	 "m image.env=[];m config.env=['" PATH_VAR "']", NULL, NULL},
	{"a search path of one's own where the image sets none",
	 "m image.env=[];m config.env=['PATH=/tmp']", "env", "\"PATH\""},
	{"two search paths, one of them another",
	 "m config.env=['PATH=/app/bin','MODE=fast','PATH=/tmp']", "env", "\"PATH\""},
	{"a variable with any value",
	 "i process={'env':[{'name':'DEBUG'}]};"
	 "m config.env=['PATH=/app/bin','MODE=fast','DEBUG=17']",
	 NULL, NULL},
	{"a variable with the signed value",
	 "i process={'env':[{'name':'DEBUG','value':'1'}]};"
	 "m config.env=['PATH=/app/bin','MODE=fast','DEBUG=1']",
	 NULL, NULL},
	{"a variable with another value than signed",
	 "i process={'env':[{'name':'DEBUG','value':'1'}]};"
	 "m config.env=['PATH=/app/bin','MODE=fast','DEBUG=2']",
	 "env", "and those it names, container has \"DEBUG\" with another value"},
	{"a variable whose name only starts like a signed one",
	 "i process={'env':[{'name':'DEBUG'}]};"
	 "m config.env=['PATH=/app/bin','MODE=fast','DEBUGGER=1']",
	 "env", "\"DEBUGGER\""},
	{"a variable that a signed one only starts like",
	 "i process={'env':[{'name':'DEBUG'}]};m config.env=['PATH=/app/bin','MODE=fast','DE=1']",
	 "env", "\"DE\""},
	{"a signed variable overrides the image's",
	 "i process={'env':[{'name':'MODE','value':'slow'}]};"
	 "m config.env=['PATH=/app/bin','MODE=slow']",
	 NULL, NULL},
	{"an entry that is no assignment", "m config.env=['PATH=/app/bin','MODE=fast','EVIL']",
	 "env", "\"EVIL\""},

	/* what engines set, bounded */
	{"a home with a loader's variable behind a newline",
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=/root\\nLD_PRELOAD=/x.so']", "env",
	 "\"HOME\" with a value that no engine gives it; a rule in process.env would allow it"},
	{"a home that is no path", "m config.env=['PATH=/app/bin','MODE=fast','HOME=x']", "env",
	 "\"HOME\""},
	{"an empty home, as Podman gives one to a user without a line in /etc/passwd",
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=']", NULL, NULL},
	{"the id that Podman gives a container with systemd",
	 "m config.env=['PATH=/app/bin','MODE=fast','container_uuid=73f4f619725b0f5fe4a5938121f19e95']",
	 NULL, NULL},
	{"another id", "m config.env=['PATH=/app/bin','MODE=fast','container_uuid=73f4f619/725b']",
	 "env", "\"container_uuid\""},
	{"an empty terminal", "m config.env=['PATH=/app/bin','MODE=fast','TERM=']", "env",
	 "\"TERM\""},
	{"a home without a value", "m config.env=['PATH=/app/bin','MODE=fast','HOME']", "env",
	 "\"HOME\""},
	{"a home of other letters than a terminal's",
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=/\\u001b[2J']", "env", "\"HOME\""},
	{"a home that is not the user's",
	 "m config.settings=['process.env HOME is not the user\\u0027s'];"
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=/evil']",
	 "env", "\"HOME\""},
	{"a home that is not the user's, signed",
	 "i process={'env':[{'name':'HOME','value':'/evil'}]};"
	 "m config.settings=['process.env HOME is not the user\\u0027s'];"
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=/evil']",
	 NULL, NULL},
	{"such a home, signed",
	 "i process={'env':[{'name':'HOME','value':'x y'}]};"
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=x y']",
	 NULL, NULL},
	{"another home than the signed one",
	 "i process={'env':[{'name':'HOME','value':'/app'}]};"
	 "m config.env=['PATH=/app/bin','MODE=fast','HOME=/root']",
	 "env", "\"HOME\" with another value"},
	{"a terminal's name with a path in it",
	 "m config.env=['PATH=/app/bin','MODE=fast','TERM=../x']", "env", "\"TERM\""},
	{"a terminal's name of two lines",
	 "m config.env=['PATH=/app/bin','MODE=fast','TERM=xterm\\nX=1']", "env", "\"TERM\""},
	{"terminals' names",
	 "m config.env=['PATH=/app/bin','MODE=fast','TERM=screen.xterm-256color']", NULL, NULL},
	{"a host's name of two lines",
	 "m config.env=['PATH=/app/bin','MODE=fast','HOSTNAME=a\\nb']", "env", "\"HOSTNAME\""},
	{"a host's name with a command in it",
	 "m config.env=['PATH=/app/bin','MODE=fast','HOSTNAME=$(id)']", "env", "\"HOSTNAME\""},
	{"a host's whole name",
	 "m config.env=['PATH=/app/bin','MODE=fast','HOSTNAME=db_1.example.org']", NULL, NULL},
	{"an engine's name of two words",
	 "m config.env=['PATH=/app/bin','MODE=fast','container=a b']", "env", "\"container\""},
};

/* CPU time of a decision on @n variables, all the image's, in the worst order for a list. */
static int64_t ns_of_decision(size_t n)
{
	struct parts p = make("");
	struct cc_policy pol = policy();
	struct cc_error err = {0};
	struct timespec start, end;
	int64_t best = INT64_MAX;
	char var[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(var, sizeof(var), "V%zu=1", i);
		expect_ok(cc_strv_push(&p.m->image_env, var, &err), &err);
		snprintf(var, sizeof(var), "V%zu=1", n - 1 - i);
		expect_ok(cc_strv_push(&p.m->env, var, &err), &err);
	}
	for (size_t i = 0; i < 5; i++) {
		int64_t ns;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		expect_ok(cc_decide(p.id, p.m, &pol, &err), &err);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
		ns = (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec;
		best = ns < best ? ns : best;
	}
	free_parts(&p);
	return best;
}

static void many_variables_cost_what_they_are_not_their_square(void **state)
{
	int64_t few = ns_of_decision(500), many = ns_of_decision(4000);

	(void)state;
	print_message("# 500: %lld ns, 4000: %lld ns\n", (long long)few, (long long)many);
	assert_true(many < few * 24); /* 8 times as many; a square is 64 */
}

static void more_variables_than_are_looked_at_are_refused(void **state)
{
	struct parts p = make("");
	struct cc_policy pol = policy();
	struct cc_error err = {0};

	(void)state;
	while (p.m->env.n <= 4096)
		expect_ok(cc_strv_push(&p.m->env, "HOME=/", &err), &err);
	assert_int_equal(cc_decide(p.id, p.m, &pol, &err), -1);
	expect_error(&err, CC_E_REFUSED, "env", "the container has 4097 variables");
	free_parts(&p);
}

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(many_variables_cost_what_they_are_not_their_square),
		cmocka_unit_test(more_variables_than_are_looked_at_are_refused),
	};

	return run_rows(rows, N_ROWS, others, sizeof(others) / sizeof(others[0]));
}
