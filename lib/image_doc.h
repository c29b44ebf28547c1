/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_doc.h - what a registry keeps of an image: a manifest, which names the image's
 * configuration, and an index, which names a manifest for each platform (OCI image specification
 * 1.1, manifest.md and image-index.md; the same of Docker's schema 2).
 *
 * Pure parsers of bytes whose digest was verified before: by a signature, or by a document that
 * was. Members that are not known are passed over, as registries and builders add their own; a
 * document that may be read both ways, manifest and index, is refused (CVE-2021-41190).
 */
#ifndef CC_IMAGE_DOC_H
#define CC_IMAGE_DOC_H

#include <stdbool.h>

#include "digest.h"
#include "error.h"

#define CC_IMAGE_DOC_MAX (4 * 1024 * 1024) /* bytes, as registries take them */

/* What a media type says that a document is: an image's manifest, or an index. */
bool cc_image_is_manifest(const char *media_type);
bool cc_image_is_index(const char *media_type);

/**
 * cc_image_manifest_config - the digest of the configuration of an image.
 * Return: 0; -1 with CC_E_INVALID when it is no manifest of an image that can run.
 */
int cc_image_manifest_config(const char *manifest, size_t len, char config[static CC_DIGEST_LEN],
			     struct cc_error *err);

/**
 * cc_image_index_names - an index has this manifest, for a platform.
 * @manifest: digest
 *
 * What builders put beside the platforms ("unknown/unknown": provenance, SBOM) is none.
 * Return: 0; -1 with CC_E_NOTFOUND when it does not, CC_E_INVALID when it is no index.
 */
int cc_image_index_names(const char *index, size_t len, const char *manifest, struct cc_error *err);

#endif
