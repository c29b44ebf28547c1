/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobs_made.h - a directory with blobs/sha256, of documents in which "@0" to "@9" stand for the
 * digest of that blob before it.
 */
#ifndef CC_FUZZ_BLOBS_MADE_H
#define CC_FUZZ_BLOBS_MADE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "digest.h"
#include "file.h"
#include "fuzz.h"
#include "json.h"

#define BLOBS_MAX 10

static char dir[64];

/* @n: digests that are known */
struct blobs {
	size_t n;
	char digest[BLOBS_MAX][CC_DIGEST_LEN];
};

/* The text of @doc with digests in place of their marks; malloced. */
static inline char *text_of(const json_t *doc, const struct blobs *known)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY);

	for (size_t i = 0; text && i < known->n; i++) {
		char mark[] = {'@', (char)('0' + i), '\0'}, *at = strstr(text, mark), *out;

		if (!at)
			continue;
		REQUIRE(asprintf(&out, "%.*s%s%s", (int)(at - text), text, known->digest[i],
				 at + 2) > 0);
		free(text);
		text = out;
	}
	return text;
}

static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	REQUIRE(fd >= 0 && !cc_write_all(fd, text, strlen(text)));
	close(fd);
}

static inline const char *blob_path(const char *digest)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/blobs/sha256/%s", dir, digest + strlen("sha256:"));
	return path;
}

/* @list: documents */
static inline void put_blobs(const json_t *list, struct blobs *known)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		cc_auto_free char *text = i < BLOBS_MAX ? text_of(one, known) : NULL;

		if (!text)
			break;
		cc_sha256_digest(text, strlen(text), known->digest[known->n]);
		write_file(blob_path(known->digest[known->n++]), text);
	}
}

static inline void remove_blobs(const struct blobs *known)
{
	for (size_t i = 0; i < known->n; i++)
		unlink(blob_path(known->digest[i]));
}

/* At the end of the process. */
static inline void remove_dir(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/index.json", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/blobs/sha256", dir);
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
}

static inline void make_blobs_dir(void)
{
	char path[128];

	strcpy(dir, "/tmp/fuzz-blobs.XXXXXX");
	REQUIRE(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/blobs", dir);
	REQUIRE(!mkdir(path, 0700));
	strcat(path, "/sha256");
	REQUIRE(!mkdir(path, 0700));
	atexit(remove_dir);
}

#endif
