/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provenance.h - who built an image, and from what, as SLSA provenance says (slsa.dev/spec/v1.0 and
 * v0.2, provenance): of a statement whose signature was verified before.
 *
 * The builder is its id (v1: runDetails.builder.id; v0.2: builder.id). The source is what the build
 * was asked for, never one of the things that it used, as anything may be among these: v1, of
 * buildDefinition.externalParameters, the one of workflow.repository, source.uri (or source, a
 * text) and configSource.uri that is there; v0.2: invocation.configSource.uri. Two of them: none
 * counts.
 *
 * Both are compared as bytes. Of a source "git+" before it does not count, nor, where there may be
 * one, a revision behind its path ("@refs/heads/main", "@" and a commit, "#v1"); all else does,
 * also ".git" and case. workflow.repository has none.
 */
#ifndef CC_PROVENANCE_H
#define CC_PROVENANCE_H

#include "image_statement.h"

#define CC_PROVENANCE_MAX 512 /* bytes of builder and source in a rule */

/* What a rule may say. */
bool cc_is_builder(const char *s);
/* "git+https://git.example/shop/db": with "git+", without a revision. */
bool cc_is_source(const char *s);

/**
 * cc_provenance_check - the image was built by @builder from @source.
 * @st: cc_statement_is_provenance()
 * Return: 0; -1 with CC_E_REFUSED, fact imageBuilder or imageSource.
 */
int cc_provenance_check(const struct cc_image_statement *st, const char *builder,
			const char *source, struct cc_error *err);

#endif
