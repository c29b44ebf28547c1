/* SPDX-License-Identifier: Apache-2.0 */
/*
 * btf.h - what the running kernel says of its own types (kernel, Documentation/bpf/btf.rst): where
 * a member of a struct is, what a function takes.
 */
#ifndef CC_BTF_H
#define CC_BTF_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define BTF_VMLINUX "/sys/kernel/btf/vmlinux"

/**
 * struct btf - a file of it. Zero it with {0}.
 * @data: owned
 * @at: where in @data each type is, by its id; owned
 * @n: types; there is no type 0
 * @by_name, @mask: ids of the functions and structs by a hash of kind and name, in a table of
 *                  @mask + 1 places, 0 where there is none; owned
 */
struct btf {
	unsigned char *data;
	uint32_t *at;
	uint32_t n;
	uint32_t *by_name;
	uint32_t mask;
	uint32_t strings, strings_len;
};

/* Reads @path. CC_E_DEVICE when there is none, CC_E_INVALID when it is malformed. */
int btf_read(const char *path, struct btf *b, struct cc_error *err);

/* Takes over @data, malloced, whatever happens. */
int btf_parse(unsigned char *data, size_t len, struct btf *b, struct cc_error *err);

void btf_clear(struct btf *b);
#define btf_auto cc_cleanup(btf_clear)

/* Id of the function @name; 0 when there is none. */
uint32_t btf_function(const struct btf *b, const char *name);

/*
 * The struct that argument @i of the function with that id points to. Return: its name; "" for any
 * other argument; NULL when there are not so many.
 */
const char *btf_argument(const struct btf *b, uint32_t function, unsigned int i);

/* Where @member is in struct @name, in bytes, also in what has no name there; false: nowhere. */
bool btf_offset(const struct btf *b, const char *name, const char *member, uint32_t *offset);

#endif
