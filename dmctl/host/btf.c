// SPDX-License-Identifier: Apache-2.0
/*
 * btf.c - reads the kernel's description of its types. Every offset and id is checked: what does
 * not fit is an error, not a guess. The running kernel may be older or newer than the headers that
 * this was compiled with, so that what has changed in the format is spelled here.
 */
#include "host/btf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define FILE_MAX (64u << 20)
#define NESTED_MAX 8 /* structs without a name in each other; also const, volatile, typedef */

#define HEADER_MIN 24	 /* of version 1; what came later is there by its hdr_len */
#define HEADER_LAYOUT 32 /* with the layout's place and length */

/* Headers before Linux 7.1 have 16 bits for the number, and 5 for the kind; the others were 0. */
#define INFO_VLEN(info) ((info) & 0xffffff)
#define INFO_KIND(info) ((info) >> 24 & 0x7f)

/**
 * struct layout - of each kind by its number, as the kernel that wrote it knows it
 * (Documentation/bpf/btf.rst, "BTF layout section").
 * @once: bytes after struct btf_type; @each: bytes for each of its members
 */
struct layout {
	uint8_t once, each;
	uint16_t flags;
};

/* ---- the file ------------------------------------------------------------------------------ */

/* Bytes after struct btf_type; -1 for a kind that neither this nor @layout, of @kinds, knows. */
static int64_t extra(const struct btf_type *t, const struct layout *layout, uint32_t kinds)
{
	uint32_t n = INFO_VLEN(t->info), kind = INFO_KIND(t->info);

	switch (kind) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * (int64_t)sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * (int64_t)sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * (int64_t)sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * (int64_t)sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * (int64_t)sizeof(struct btf_var_secinfo);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	}
	return kind && kind < kinds ? layout[kind].once + (int64_t)n * layout[kind].each : -1;
}

static int malformed(struct btf *b, const char *what, struct cc_error *err)
{
	btf_clear(b);
	return cc_fail(err, CC_E_INVALID, "the kernel's type information (BTF): %s", what);
}

/* Fills @b->at from the @len bytes of types at @start of the data. */
static int index_types(struct btf *b, uint32_t start, uint32_t len, const struct layout *layout,
		       uint32_t kinds, struct cc_error *err)
{
	uint32_t pos = 0;

	/* the smallest type says how many there can be */
	b->at = calloc(len / sizeof(struct btf_type) + 1, sizeof(*b->at));
	if (!b->at)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while (pos < len) {
		const struct btf_type *t = (const void *)(b->data + start + pos);
		int64_t more = len - pos < sizeof(*t) ? -1 : extra(t, layout, kinds);

		if (more < 0 || more % 4 || more > (int64_t)(len - pos - sizeof(*t)))
			return malformed(b, "a type is not known, or cut off", err);
		b->at[++b->n] = start + pos;
		pos += (uint32_t)(sizeof(*t) + (uint64_t)more);
	}
	return 0;
}

/* It says no size that could be relied on before it has been read. */
static int read_all(int fd, unsigned char **data, size_t *len)
{
	size_t room = 0;
	ssize_t n = 1;

	*len = 0;
	*data = NULL;
	while (n > 0 && *len <= FILE_MAX) {
		if (*len == room) {
			unsigned char *more = realloc(*data, room = room ? 2 * room : 8u << 20);

			if (!more)
				return -1;
			*data = more;
		}
		n = read(fd, *data + *len, room - *len);
		if (n > 0)
			*len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	return n < 0 ? -1 : 0;
}

int btf_read(const char *path, struct btf *b, struct cc_error *err)
{
	cc_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char *data = NULL;
	size_t len = 0;

	*b = (struct btf){0};
	if (fd < 0)
		return cc_fail_errno(
			err, CC_E_DEVICE,
			"the kernel does not describe its types (CONFIG_DEBUG_INFO_BTF): "
			"%s",
			path);
	if (read_all(fd, &data, &len)) {
		free(data);
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	}
	return btf_parse(data, len, b, err);
}

void btf_clear(struct btf *b)
{
	free(b->data);
	free(b->at);
	free(b->by_name);
	*b = (struct btf){0};
}

/* ---- types --------------------------------------------------------------------------------- */

static const struct btf_type *type(const struct btf *b, uint32_t id)
{
	return id && id <= b->n ? (const void *)(b->data + b->at[id]) : NULL;
}

static uint32_t kind(const struct btf_type *t)
{
	return t ? INFO_KIND(t->info) : BTF_KIND_UNKN;
}

static const char *name_at(const struct btf *b, uint32_t offset)
{
	return offset < b->strings_len ? (const char *)b->data + b->strings + offset : "";
}

/* What is behind names and qualifiers. */
static const struct btf_type *bare(const struct btf *b, uint32_t id)
{
	const struct btf_type *t = type(b, id);

	for (int i = 0; i < NESTED_MAX; i++) {
		switch (kind(t)) {
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_TYPE_TAG:
			t = type(b, t->type);
			break;
		default:
			return t;
		}
	}
	return NULL;
}

/* FNV-1a. */
static uint32_t hash(uint32_t wanted, const char *name)
{
	uint32_t h = (2166136261u ^ wanted) * 16777619u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

static bool is_called(const struct btf *b, uint32_t id, uint32_t wanted, const char *name)
{
	const struct btf_type *t = type(b, id);

	return kind(t) == wanted && strcmp(name_at(b, t->name_off), name) == 0;
}

/* The place of that type in the table, or the empty one where it would be. */
static uint32_t *place_of(const struct btf *b, uint32_t wanted, const char *name)
{
	uint32_t at = hash(wanted, name) & b->mask;

	while (b->by_name[at] && !is_called(b, b->by_name[at], wanted, name))
		at = (at + 1) & b->mask;
	return &b->by_name[at];
}

/* All in one walk: a look for each of the kernel's hooks would walk through them all. */
static int index_names(struct btf *b, struct cc_error *err)
{
	uint32_t places = 16;

	while (places < 2 * b->n)
		places *= 2;
	b->mask = places - 1;
	b->by_name = calloc(places, sizeof(*b->by_name));
	if (!b->by_name) {
		btf_clear(b);
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	for (uint32_t id = 1; id <= b->n; id++) {
		const struct btf_type *t = type(b, id);
		uint32_t *place;

		if (kind(t) != BTF_KIND_FUNC && kind(t) != BTF_KIND_STRUCT)
			continue;
		place = place_of(b, kind(t), name_at(b, t->name_off));
		if (!*place) /* of several the first */
			*place = id;
	}
	return 0;
}

static uint32_t find(const struct btf *b, uint32_t wanted, const char *name)
{
	return b->by_name ? *place_of(b, wanted, name) : 0;
}

/* @layout, @kinds: as the file has it; none when it is older. */
static int find_layout(const unsigned char *data, size_t len, uint32_t hdr_len,
		       const struct layout **layout, uint32_t *kinds)
{
	uint32_t where[2]; /* from the end of the header; bytes */

	*layout = NULL;
	*kinds = 0;
	if (hdr_len < HEADER_LAYOUT)
		return 0;
	memcpy(where, data + HEADER_MIN, sizeof(where));
	if ((hdr_len + (uint64_t)where[0]) % 4 || hdr_len + (uint64_t)where[0] + where[1] > len)
		return -1;
	*layout = (const void *)(data + hdr_len + where[0]);
	*kinds = where[1] / sizeof(**layout);
	return 0;
}

int btf_parse(unsigned char *data, size_t len, struct btf *b, struct cc_error *err)
{
	const struct btf_header *h = (const void *)data;
	const struct layout *layout;
	uint64_t types, strings;
	uint32_t kinds;

	*b = (struct btf){.data = data};
	if (len < HEADER_MIN || len > FILE_MAX || h->magic != BTF_MAGIC ||
	    h->version != BTF_VERSION)
		return malformed(b, "not of version 1", err);
	types = (uint64_t)h->hdr_len + h->type_off;
	strings = (uint64_t)h->hdr_len + h->str_off;
	if (h->hdr_len < HEADER_MIN || h->hdr_len > len || types % 4 || types + h->type_len > len ||
	    !h->str_len || strings + h->str_len > len || data[strings + h->str_len - 1] ||
	    find_layout(data, len, h->hdr_len, &layout, &kinds))
		return malformed(b, "its parts are not where it says", err);
	b->strings = (uint32_t)strings;
	b->strings_len = h->str_len;
	if (index_types(b, (uint32_t)types, h->type_len, layout, kinds, err))
		return -1;
	return index_names(b, err);
}

uint32_t btf_function(const struct btf *b, const char *name)
{
	return find(b, BTF_KIND_FUNC, name);
}

const char *btf_argument(const struct btf *b, uint32_t function, unsigned int i)
{
	const struct btf_type *f = type(b, function);
	const struct btf_type *proto = kind(f) == BTF_KIND_FUNC ? type(b, f->type) : NULL;
	const struct btf_param *params = proto ? (const void *)(proto + 1) : NULL;
	const struct btf_type *t;

	if (kind(proto) != BTF_KIND_FUNC_PROTO || i >= INFO_VLEN(proto->info))
		return NULL;
	t = bare(b, params[i].type);
	if (kind(t) != BTF_KIND_PTR)
		return "";
	t = bare(b, t->type);
	return kind(t) == BTF_KIND_STRUCT ? name_at(b, t->name_off) : "";
}

static bool find_member(const struct btf *b, const struct btf_type *t, const char *name,
			uint32_t *bits, int depth);

/* @m is @name, or has no name itself and has @name inside. */
static bool is_member(const struct btf *b, const struct btf_type *t, const struct btf_member *m,
		      const char *name, uint32_t *bits, int depth)
{
	uint32_t at = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
	const char *own = name_at(b, m->name_off);
	const struct btf_type *inner;

	*bits += at;
	if (own[0])
		return strcmp(own, name) == 0;
	inner = bare(b, m->type);
	return (kind(inner) == BTF_KIND_STRUCT || kind(inner) == BTF_KIND_UNION) &&
	       find_member(b, inner, name, bits, depth + 1);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as NESTED_MAX */
static bool find_member(const struct btf *b, const struct btf_type *t, const char *name,
			uint32_t *bits, int depth)
{
	const struct btf_member *m = (const void *)(t + 1);
	uint32_t start = *bits;

	for (uint32_t i = 0; depth < NESTED_MAX && i < INFO_VLEN(t->info); i++) {
		*bits = start;
		if (is_member(b, t, m + i, name, bits, depth))
			return true;
	}
	return false;
}

bool btf_offset(const struct btf *b, const char *name, const char *member, uint32_t *offset)
{
	const struct btf_type *t = type(b, find(b, BTF_KIND_STRUCT, name));
	uint32_t bits = 0;

	if (!t || !find_member(b, t, member, &bits, 0) || bits % 8)
		return false;
	*offset = bits / 8;
	return true;
}
