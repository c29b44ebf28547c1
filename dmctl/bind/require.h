/* SPDX-License-Identifier: Apache-2.0 */
/*
 * require.h - an image may say that it is run with a volume, by its label REQUIRE_LABEL; then a
 * container of it that was made without one does not start. For the hook that engines run for every
 * container (container-crypt-hook --require). It guards against a mistake: who may choose what an
 * engine runs may leave the hook out, too, and gets no plaintext by that.
 */
#ifndef CC_REQUIRE_H
#define CC_REQUIRE_H

#include "container/oci.h"
#include "engine/engine.h"

#define REQUIRE_LABEL "io.container-crypt.volume"

/*
 * @state: empty for a container that is no engine's, which has no image to say anything
 * Return: 0; -1 with CC_E_REFUSED, fact "volume", or because nobody can tell.
 */
int require_volume(const struct oci_state *state, struct cc_error *err);

/* ---- parts, pure --------------------------------------------------------------------------- */

/**
 * require_imageless - of a container without an image nobody can tell whether it is run with a
 * volume: it is refused, unless it is the engine's own. Pure.
 * Return: 0; -1 with CC_E_REFUSED, fact "volume".
 */
int require_imageless(const struct engine_container *c, struct cc_error *err);

/**
 * require_label - what the label says in an image's configuration.
 * @name: out, malloced; NULL without the label
 * Return: 0; -1 with CC_E_INVALID, also for a label that is no volume's name and not "any".
 */
int require_label(const char *image, size_t len, char **name, struct cc_error *err);

/**
 * require_check - whether a bundle's config.json has our createRuntime hook for volume @name, "any":
 * for some volume.
 * Return: 0; -1 with CC_E_REFUSED or CC_E_INVALID.
 */
int require_check(const char *config, size_t len, const char *name, struct cc_error *err);

#endif
