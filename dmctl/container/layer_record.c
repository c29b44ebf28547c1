// SPDX-License-Identifier: Apache-2.0
/*
 * layer_record.c - what is remembered of a layer, as the bytes of its file.
 */
#include "container/layer_record.h"

#include <string.h>

#include "digest.h"
#include "strv.h"

#define LINE 72 /* a digest and its end */
#define DIGEST (LINE - 1)

char *layer_record_make(const struct tree *t, size_t *len)
{
	size_t size = 3 * LINE, at = 3 * LINE;
	char digest[LINE];
	char *text;

	for (size_t i = 0; i < t->opaque.n; i++)
		size += strlen(t->opaque.v[i]) + 1;
	text = size > LAYER_RECORD_MAX ? NULL : malloc(size);
	if (!text)
		return NULL;
	memcpy(text + LINE, t->stamp, DIGEST);
	memcpy(text + 2 * LINE, t->digest, DIGEST);
	for (size_t line = 1; line <= 3; line++)
		text[line * LINE - 1] = '\n';
	for (size_t i = 0; i < t->opaque.n; i++) {
		size_t n = strlen(t->opaque.v[i]) + 1;

		memcpy(text + at, t->opaque.v[i], n);
		at += n;
	}
	cc_sha256_digest(text + LINE, size - LINE, digest);
	memcpy(text, digest, DIGEST);
	*len = size;
	return text;
}

static bool take_line(const char *line, char digest[static LINE])
{
	memcpy(digest, line, DIGEST);
	digest[DIGEST] = '\0';
	return line[DIGEST] == '\n' && cc_is_digest(digest);
}

/* @p: whole strings, up to @end */
static bool take_opaque(const char *p, const char *end, struct tree *t)
{
	struct cc_error err;

	for (; p < end; p += strlen(p) + 1)
		if ((p[0] && p[0] != '/') || cc_strv_push(&t->opaque, p, &err))
			return false;
	return true;
}

bool layer_record_parse(const char *buf, size_t len, struct tree *t)
{
	char said[LINE], digest[LINE];

	if (len < 3 * LINE || len > LAYER_RECORD_MAX || (len > 3 * LINE && buf[len - 1]))
		return false;
	cc_sha256_digest(buf + LINE, len - LINE, digest);
	if (take_line(buf, said) && strcmp(said, digest) == 0 && take_line(buf + LINE, t->stamp) &&
	    take_line(buf + 2 * LINE, t->digest) && take_opaque(buf + 3 * LINE, buf + len, t))
		return true;
	tree_clear(t);
	return false;
}
