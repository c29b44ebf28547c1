// SPDX-License-Identifier: Apache-2.0
#include "client/image_proofs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "digest.h"
#include "file.h"

#define FILE_MAX (2 * CC_IMAGE_PROOF_MAX + 4096) /* as JSON text, whose quotes are escaped */

static char *path_of(const char *dir, const char *config, struct cc_error *err)
{
	char *path = NULL;

	if (!cc_is_digest(config)) {
		cc_fail(err, CC_E_INVALID, "\"%.80s\" is not a sha256 digest", config);
		return NULL;
	}
	if (asprintf(&path, "%s/%s.json", dir, config + strlen("sha256:")) >= 0)
		return path;
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}

int image_proofs_put(const char *dir, const char *config, const struct cc_image_proof *proof,
		     struct cc_error *err)
{
	cc_auto_json json_t *obj = cc_image_proof_to_json(proof);
	cc_auto_free char *path = path_of(dir, config, err), *text = NULL;

	if (!path)
		return -1;
	text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	if (!text)
		return cc_fail(err, CC_E_INVALID, "image %s: its documents are not UTF-8", config);
	if (strlen(text) > FILE_MAX)
		return cc_fail(err, CC_E_INVALID, "image %s: its documents are too long as JSON",
			       config);
	if (mkdir(dir, 0700) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot make %s", dir);
	return cc_replace_file(path, text, strlen(text), 0600, err);
}

int image_proofs_get(const char *dir, const char *config, struct cc_image_proof **proof,
		     struct cc_error *err)
{
	cc_auto_free char *path = path_of(dir, config, err), *text = NULL;
	cc_auto_json json_t *obj = NULL;
	size_t len;

	*proof = NULL;
	if (!path)
		return -1;
	if (cc_read_file_max(path, FILE_MAX, &text, &len, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	obj = cc_json_parse(text, len, path, err);
	*proof = obj ? cc_image_proof_from_json(obj, err) : NULL;
	if (*proof)
		return 0;
	return cc_prefix(err, "%s: offer the image again", path);
}
