// SPDX-License-Identifier: Apache-2.0
#include "custodian/volume_key.h"

#include <string.h>

static struct kek_use use_of(const struct store_volume *v, enum kek_state state)
{
	return (struct kek_use){v->rec.name,   v->rec.uuid,	 v->rec.generation,
				v->rec.cipher, v->rec.key_bytes, state};
}

static int wrap(const struct kek *kek, struct store_volume *v, const struct cc_secret *key,
		struct cc_error *err)
{
	struct kek_use use = use_of(v, v->rec.ready ? KEK_READY : KEK_CREATING);

	memcpy(v->kek_id, kek->id, sizeof(v->kek_id));
	v->wrap_format = KEK_FORMAT;
	return kek_wrap(kek, &use, key, v->wrapped, &v->wrapped_len, err);
}

int volume_key_make(const struct kek *kek, struct store_volume *v, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};

	return cc_secret_random(&key, v->rec.key_bytes, err) || wrap(kek, v, &key, err) ? -1 : 0;
}

int volume_key_open(const struct kek *kek, const struct store_volume *v, struct cc_secret *key,
		    struct cc_error *err)
{
	struct kek_use use = use_of(v, v->rec.ready ? KEK_READY : KEK_CREATING);

	return kek_unwrap(kek, &use, v->wrapped, v->wrapped_len, key, err);
}

int volume_key_bind(const struct kek *kek, struct store_volume *v, bool ready, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};

	if (volume_key_open(kek, v, &key, err))
		return -1;
	v->rec.ready = ready;
	return wrap(kek, v, &key, err);
}

int volume_key_rename(const struct kek *kek, struct store_volume *v,
		      const char name[static CC_NAME_LEN], struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};

	if (volume_key_open(kek, v, &key, err))
		return -1;
	memcpy(v->rec.name, name, sizeof(v->rec.name));
	return wrap(kek, v, &key, err);
}

int volume_key_move(const struct kek *from, const struct kek *to, struct store_volume *v,
		    struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};

	return volume_key_open(from, v, &key, err) || wrap(to, v, &key, err) ? -1 : 0;
}

int volume_key_renew(const struct kek *kek, struct store_volume *v, struct cc_error *err)
{
	struct kek_use was = use_of(v, KEK_ANY);
	cc_auto_secret struct cc_secret key = {0};

	if (v->wrap_format == KEK_FORMAT_1)
		was.name = NULL;
	return kek_unwrap(kek, &was, v->wrapped, v->wrapped_len, &key, err) ||
			       wrap(kek, v, &key, err)
		       ? -1
		       : 0;
}

bool volume_key_is_new(const struct kek *kek, const struct store_volume *v)
{
	for (enum kek_state state = KEK_CREATING; state <= KEK_READY; state++) {
		struct kek_use use = use_of(v, state);
		cc_auto_secret struct cc_secret key = {0};
		struct cc_error err;

		if (kek_unwrap(kek, &use, v->wrapped, v->wrapped_len, &key, &err) == 0)
			return true;
	}
	return false;
}
