// SPDX-License-Identifier: Apache-2.0
#include "custodian/image_signers.h"

#include <string.h>

#include "custodian/kept.h"

struct search {
	struct kept *kept;
	const struct cc_feed *feed;
	struct cc_feed_keys *keys;
};

/* A stored key that is none, which upgrade_signers() has logged, is no signer. */
static int take_signer(void *arg, const struct store_signer *s, struct cc_error *err)
{
	struct search *search = arg;
	const struct cc_strv *names = &search->feed->signed_by;

	for (size_t i = 0; i < names->n; i++) {
		if (search->keys->v[i] ||
		    (strcmp(names->v[i], s->name) != 0 && strcmp(names->v[i], s->keyid) != 0))
			continue;
		search->keys->v[i] = kept_signer_key(search->kept, s->pem, err);
		if (!search->keys->v[i] && err->code != CC_E_INVALID)
			return cc_prefix(err, "signer %s", s->name);
	}
	return 0;
}

int image_signers_of(struct custodian *c, const struct cc_feed *feed, struct cc_feed_keys *keys,
		     struct cc_error *err)
{
	struct search search = {c->kept, feed, keys};

	return store_signer_each(c->store, take_signer, &search, err) < 0 ? -1 : 0;
}

void image_signers_clear(struct cc_feed_keys *keys)
{
	for (size_t i = 0; i < CC_FEED_SIGNERS_MAX; i++)
		EVP_PKEY_free(keys->v[i]);
	*keys = (struct cc_feed_keys){0};
}
