/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker_tree.h - a directory as the Docker daemon keeps it, with one image and containers of it.
 */
#ifndef TEST_DOCKER_TREE_H
#define TEST_DOCKER_TREE_H

#include "lib_test.h"

#include <sys/stat.h>

#include "digest.h"

#define IMAGE "{\"config\":{\"Cmd\":[\"/app\"]}}"

static char image[72]; /* its digest, from the first container on */

static inline void make_dirs(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

static inline void put(const char *dir, const char *file, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	make_dirs(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* @root has container @id, as Docker writes it; @driver: of its storage. */
static inline void put_container(const char *root, const char *id, const char *driver)
{
	char text[1024], path[256];

	cc_sha256_digest(IMAGE, strlen(IMAGE), image);
	snprintf(text, sizeof(text),
		 "{\"ID\":\"%s\",\"Name\":\"/db\",\"Image\":\"%s\",\"Driver\":\"%s\","
		 "\"SeccompProfile\":\"\",\"Config\":{\"Image\":\"app:1\",\"OpenStdin\":false,"
		 "\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"]}},"
		 "\"NetworkSettings\":{\"Networks\":{\"back\":{}}}}",
		 id, image, driver);
	snprintf(path, sizeof(path), "containers/%s/config.v2.json", id);
	put(root, path, text);
	snprintf(path, sizeof(path), "containers/%s/hostconfig.json", id);
	put(root, path, "{\"NetworkMode\":\"back\",\"ExtraHosts\":null}");
	snprintf(path, sizeof(path), "image/overlay2/imagedb/content/sha256/%s", image + 7);
	put(root, path, IMAGE);
}

#endif
