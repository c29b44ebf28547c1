// SPDX-License-Identifier: Apache-2.0
#include "strv.h"

#include <string.h>

#include "cleanup.h"

void cc_strv_clear(struct cc_strv *sv)
{
	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct cc_strv){0};
}

int cc_strv_push(struct cc_strv *sv, const char *s, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(s);
	char **v;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	v = reallocarray(sv->v, sv->n + 1, sizeof(*v));
	if (!v)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	sv->v = v;
	sv->v[sv->n++] = cc_steal(copy);
	return 0;
}

bool cc_strv_has(const struct cc_strv *sv, const char *s)
{
	for (size_t i = 0; i < sv->n; i++)
		if (!strcmp(sv->v[i], s))
			return true;
	return false;
}

bool cc_strv_eq(const struct cc_strv *a, const struct cc_strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}
