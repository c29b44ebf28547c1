/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_mutate.h - a mutator that changes members of a JSON document, not its bytes: what comes out
 * is still JSON, so that a fuzz target reaches what lies behind the parser. A member is dropped,
 * nulled, given another type, doubled, lengthened, or replaced by another member's value.
 */
#ifndef CC_FUZZ_JSON_MUTATE_H
#define CC_FUZZ_JSON_MUTATE_H

#include <string.h>

#include "fuzz.h"
#include "json.h"

#define SLOTS_MAX 4096

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Where a value stands: under @key of an object, or at @index of an array. */
struct slot {
	json_t *parent;
	const char *key;
	size_t index;
};

struct json_slots {
	size_t n;
	struct slot at[SLOTS_MAX];
};

static inline unsigned int mutate_random(unsigned int *seed, size_t below)
{
	return (unsigned int)((size_t)rand_r(seed) % below);
}

static inline json_t *slot_value(const struct slot *s)
{
	return s->key ? json_object_get(s->parent, s->key) : json_array_get(s->parent, s->index);
}

/* Takes @value over. */
static inline void slot_set(const struct slot *s, json_t *value)
{
	if (s->key)
		json_object_set_new(s->parent, s->key, value);
	else
		json_array_set_new(s->parent, s->index, value);
}

static inline void slots_collect(struct json_slots *all, json_t *node)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(node, key, value) {
		if (all->n < SLOTS_MAX)
			all->at[all->n++] = (struct slot){node, key, 0};
		slots_collect(all, value);
	}
	json_array_foreach(node, i, value) {
		if (all->n < SLOTS_MAX)
			all->at[all->n++] = (struct slot){node, NULL, i};
		slots_collect(all, value);
	}
}

static inline json_t *value_of_another_type(unsigned int *seed)
{
	switch (mutate_random(seed, 8)) {
	case 0:
		return json_true();
	case 1:
		return json_false();
	case 2:
		return json_integer(0);
	case 3:
		return json_integer(-1);
	case 4:
		return json_integer(INT64_MAX);
	case 5:
		return json_string("");
	case 6:
		return json_array();
	default:
		return json_object();
	}
}

static inline void slot_drop(const struct slot *s)
{
	if (s->key)
		json_object_del(s->parent, s->key);
	else
		json_array_remove(s->parent, s->index);
}

/* An element once more; a member under the name of another one. */
static inline void slot_double(const struct slot *s, const struct slot *other)
{
	json_t *copy = json_deep_copy(slot_value(s));

	if (!s->key)
		json_array_insert_new(s->parent, s->index, copy);
	else if (other->key)
		json_object_set_new(s->parent, other->key, copy);
	else
		json_decref(copy);
}

/* A string of a thousand times itself, or a list of its last element. */
static inline void slot_lengthen(const struct slot *s, unsigned int *seed)
{
	size_t times = (size_t)2 << mutate_random(seed, 9);
	json_t *value = slot_value(s);

	if (json_is_string(value)) {
		size_t len = json_string_length(value);
		char *text = malloc(len * times + 1);

		REQUIRE(text);
		for (size_t i = 0; i < times; i++)
			memcpy(text + i * len, json_string_value(value), len);
		slot_set(s, json_stringn(text, len * times));
		free(text);
	} else if (json_is_array(value) && json_array_size(value)) {
		json_t *last = json_array_get(value, json_array_size(value) - 1);

		for (size_t i = 0; i < times; i++)
			json_array_append_new(value, json_deep_copy(last));
	}
}

/* libFuzzer's own changes, and what it has learnt from comparisons. Not UTF-8: left as it was. */
static inline void slot_change_text(const struct slot *s)
{
	json_t *value = slot_value(s), *changed;
	uint8_t text[256];
	size_t len = json_is_string(value) ? json_string_length(value) : sizeof(text);

	if (len >= sizeof(text))
		return;
	memcpy(text, json_string_value(value), len);
	len = LLVMFuzzerMutate(text, len, sizeof(text));
	changed = json_stringn((const char *)text, len);
	if (changed)
		slot_set(s, changed);
}

static inline void mutate_one(json_t *doc, unsigned int *seed)
{
	static struct json_slots all;
	const struct slot *s, *other;

	all.n = 0;
	slots_collect(&all, doc);
	if (!all.n)
		return;
	s = &all.at[mutate_random(seed, all.n)];
	other = &all.at[mutate_random(seed, all.n)];
	switch (mutate_random(seed, 8)) {
	case 0:
		slot_drop(s);
		break;
	case 1:
		slot_set(s, json_null());
		break;
	case 2:
		slot_set(s, value_of_another_type(seed));
		break;
	case 3:
		slot_double(s, other);
		break;
	case 4:
		slot_lengthen(s, seed);
		break;
	case 5:
		slot_set(s, json_deep_copy(slot_value(other)));
		break;
	default:
		slot_change_text(s);
	}
}

/**
 * mutate_json - for LLVMFuzzerCustomMutator: one to three changes.
 * @start: a document to begin with where @data is none
 *
 * One time in sixteen the bytes are changed instead, so that the parser is not forgotten.
 */
static inline size_t mutate_json(uint8_t *data, size_t size, size_t max_size, unsigned int seed,
				 const char *start)
{
	cc_auto_json json_t *doc = NULL;
	size_t len;

	if (mutate_random(&seed, 16) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	doc = json_loadb((const char *)data, size, 0, NULL);
	if (!doc)
		doc = json_loads(start, 0, NULL);
	REQUIRE(doc);
	for (unsigned int n = 1 + mutate_random(&seed, 3); n > 0; n--)
		mutate_one(doc, &seed);
	len = json_dumpb(doc, (char *)data, max_size, JSON_COMPACT);
	return len <= max_size ? len : LLVMFuzzerMutate(data, size, max_size);
}

/*
 * A target that takes JSON: @look_at, bool (const char *text, size_t size), gets what was made of
 * @start, a string, and has to say yes to that itself, so that there is a way to where it leads.
 */
#define JSON_TARGET(start, look_at)                                                 \
	size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, \
				       unsigned int seed);                          \
	size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, \
				       unsigned int seed)                           \
	{                                                                           \
		return mutate_json(data, size, max_size, seed, start);              \
	}                                                                           \
	int LLVMFuzzerInitialize(int *argc, char ***argv);                          \
	int LLVMFuzzerInitialize(int *argc, char ***argv)                           \
	{                                                                           \
		(void)argc;                                                         \
		(void)argv;                                                         \
		REQUIRE(look_at(start, strlen(start)));                             \
		return 0;                                                           \
	}                                                                           \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                \
	{                                                                           \
		look_at((const char *)data, size);                                  \
		return 0;                                                           \
	}

#endif
