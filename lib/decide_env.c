// SPDX-License-Identifier: Apache-2.0
#include "decide_env.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"
#include "strv.h"

#define HEX "0123456789abcdef"
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/*
 * Variables the engines set themselves, and what they set them to: a home is a path of printable
 * ASCII or empty, the others are one word of these characters. PATH has a rule of its own.
 */
static const struct {
	const char *name, *first, *all;
	size_t max;
} engine_env[] = {
	{"HOME", "/", NULL, 4095},	   {"HOSTNAME", ALNUM, ALNUM ".-_", 253},
	{"TERM", ALNUM, ALNUM "+.-_", 64}, {"container", ALNUM, ALNUM ".-_", 64},
	{"container_uuid", HEX, HEX, 32}, /* Podman's, of a container that runs systemd */
};

/* What Docker and Podman set when the image sets no PATH. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Borrowed "NAME=value", by name and then value. */
struct sorted {
	size_t n;
	const char *v[CC_ENV_MAX];
};

/* Length of the name in "NAME=value". */
static size_t name_len(const char *var)
{
	return strcspn(var, "=");
}

static int compare_names(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t nx = name_len(x), ny = name_len(y);
	int diff = memcmp(x, y, nx < ny ? nx : ny);

	return diff ? diff : (nx > ny) - (nx < ny);
}

static int compare_vars(const void *a, const void *b)
{
	int diff = compare_names(a, b);

	return diff ? diff : strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Moves what is at @at down to where nothing below it is greater; heap of @n. */
static void sift(const char **v, size_t at, size_t n)
{
	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		const char *var = v[at];

		if (child + 1 < n && compare_vars(&v[child], &v[child + 1]) < 0)
			child++;
		if (compare_vars(&var, &v[child]) >= 0)
			return;
		v[at] = v[child];
		v[child] = var;
	}
}

/*
 * Heapsort, because glibc's qsort() allocates, and asks the kernel how much memory there is before:
 * a system call that keyd's custodian is ended for.
 */
static void sort_vars(const char **v, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(v, i, n);
	for (size_t left = n; left > 1; left--) {
		const char *greatest = v[0];

		v[0] = v[left - 1];
		v[left - 1] = greatest;
		sift(v, 0, left - 1);
	}
}

static void sort(const struct cc_strv *env, struct sorted *out)
{
	out->n = env->n;
	for (size_t i = 0; i < env->n; i++)
		out->v[i] = env->v[i];
	sort_vars(out->v, out->n);
}

static bool has_var(const struct sorted *env, const char *var)
{
	return bsearch(&var, env->v, env->n, sizeof(env->v[0]), compare_vars) != NULL;
}

static bool has_name_of(const struct sorted *env, const char *var)
{
	return bsearch(&var, env->v, env->n, sizeof(env->v[0]), compare_names) != NULL;
}

static bool is_named(const char *name, const char *var)
{
	size_t len = name_len(var);

	return strlen(name) == len && !strncmp(name, var, len);
}

static bool rule_names(const struct cc_identity *id, const char *var)
{
	for (size_t i = 0; i < id->n_env; i++)
		if (is_named(id->env[i].name, var))
			return true;
	return false;
}

static bool rule_allows(const struct cc_identity *id, const char *var)
{
	const char *value = strchr(var, '=');

	for (size_t i = 0; i < id->n_env; i++) {
		const struct cc_env_rule *r = &id->env[i];

		if (is_named(r->name, var) &&
		    (!r->value || (value && !strcmp(r->value, value + 1))))
			return true;
	}
	return false;
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

/* Index into engine_env of the variable that engines set, or -1. */
static int engine_index(const char *var)
{
	for (size_t i = 0; i < sizeof(engine_env) / sizeof(engine_env[0]); i++)
		if (is_named(engine_env[i].name, var))
			return (int)i;
	return -1;
}

bool cc_env_is_of_engines(const char *var)
{
	const char *value = strchr(var, '=');
	int i = engine_index(var);

	/* Podman's home of a user whom the image's /etc/passwd does not have. */
	if (!strcmp(var, "HOME="))
		return true;
	if (i < 0 || !value || !value[1] || strlen(value + 1) > engine_env[i].max ||
	    !strchr(engine_env[i].first, value[1]))
		return false;
	return engine_env[i].all ? !value[1 + strspn(value + 1, engine_env[i].all)]
				 : is_printable(value + 1);
}

/*
 * Set by every engine without being asked, unless image or identity name it. Names that steer the
 * loader (LD_…) are not among them.
 * @users_home: a HOME is that of the container's user
 */
static bool is_engines(const struct cc_identity *id, const struct sorted *image, bool users_home,
		       const char *var)
{
	if (has_name_of(image, var))
		return false;
	if (engine_index(var) < 0)
		return !strcmp(var, "PATH=" DEFAULT_PATH);
	return !rule_names(id, var) && (users_home || !is_named("HOME", var)) &&
	       cc_env_is_of_engines(var);
}

int cc_env_each_refused(const struct cc_identity *id, const struct cc_measurement *m,
			cc_env_refused_fn *fn, void *arg)
{
	bool users_home = !cc_strv_has(&m->settings, CC_SETTING_HOME);
	struct sorted image, container;

	if (m->image_env.n > CC_ENV_MAX || m->env.n > CC_ENV_MAX)
		return -1;
	sort(&m->image_env, &image);
	sort(&m->env, &container);
	for (size_t i = 0; i < m->env.n; i++) {
		const char *var = m->env.v[i];

		if (!has_var(&image, var) && !is_engines(id, &image, users_home, var) &&
		    !rule_allows(id, var) && fn(arg, var, false))
			return -1;
	}
	/* Taking a variable away changes a program as much as adding one. */
	for (size_t i = 0; i < m->image_env.n; i++) {
		const char *var = m->image_env.v[i];

		if (!has_name_of(&container, var) && !rule_allows(id, var) && fn(arg, var, true))
			return -1;
	}
	return 0;
}

/* What the texts are made of. */
struct refusing {
	const struct cc_identity *id;
	const struct cc_measurement *m;
	struct cc_facts *out;
};

static bool image_names(const struct cc_measurement *m, const char *var)
{
	for (size_t i = 0; i < m->image_env.n; i++)
		if (compare_names(&m->image_env.v[i], &var) == 0)
			return true;
	return false;
}

static int refuse_var(void *arg, const char *var, bool missing)
{
	const struct refusing *r = arg;
	char name[CC_RENDER_MAX];
	bool named;

	if (r->out->found >= r->out->max) /* counted only: no more work for it */
		return cc_facts_add(r->out, "env", "env");
	cc_render_var(var, name);
	if (missing)
		return cc_facts_add(
			r->out, "env",
			"env: identity wants the image's own variable %s, the container does not "
			"have it",
			name);
	named = image_names(r->m, var) || rule_names(r->id, var);
	return cc_facts_add(r->out, "env",
			    "env: identity wants the image's own variables%s, container has %s%s",
			    r->id->n_env ? " and those it names" : "", name,
			    named		     ? " with another value"
			    : engine_index(var) >= 0 ? " with a value that no engine gives it; a "
						       "rule in process.env would allow it"
						     : "");
}

static int too_many(const struct cc_strv *env, const char *whose, struct cc_facts *out)
{
	return cc_facts_add(out, "env", "env: %s has %zu variables, more than the %d allowed",
			    whose, env->n, CC_ENV_MAX);
}

int cc_decide_env(const struct cc_identity *id, const struct cc_measurement *m,
		  struct cc_facts *out)
{
	struct refusing r = {id, m, out};

	if (m->image_env.n > CC_ENV_MAX)
		return too_many(&m->image_env, "the image", out);
	if (m->env.n > CC_ENV_MAX)
		return too_many(&m->env, "the container", out);
	return cc_env_each_refused(id, m, refuse_var, &r);
}
