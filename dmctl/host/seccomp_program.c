// SPDX-License-Identifier: Apache-2.0
/*
 * seccomp_program.c - the interpreter of seccomp filters.
 */
#include "host/seccomp_program.h"

#include <string.h>

#define STEPS_MAX 65536 /* of one call's answers; what runtimes make takes some hundreds */
#define WAYS_MAX 256	/* that wait to be gone */
#define ARGS_AT offsetof(struct seccomp_data, args)

/* Which half of args[] is the low one, in memory. */
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0u : 1u)

/**
 * struct way - how far one way through the program is.
 * @known_a, @known_x, @known_mem: it is known what is in A, X and M[]
 * @word: the half of an argument that A is made from, as of struct seccomp_answers; -1: of none
 * @mask: the bits of it that are left in A
 */
struct way {
	uint32_t pc, a, x, mem[BPF_MEMWORDS];
	bool known_a, known_x;
	uint16_t known_mem;
	int word;
	uint32_t mask;
};

/* ---- what is a program --------------------------------------------------------------------- */

static bool is_in(const uint16_t *list, size_t n, uint16_t code)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == code)
			return true;
	return false;
}

/* As seccomp_check_filter() of the kernel has them. */
static bool is_plain(uint16_t code)
{
	/* NOLINTBEGIN(misc-redundant-expression): ADD and K are 0 */
	static const uint16_t plain[] = {
		BPF_LD | BPF_W | BPF_LEN,  BPF_LDX | BPF_W | BPF_LEN, BPF_RET | BPF_K,
		BPF_RET | BPF_A,	   BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_ADD | BPF_X,
		BPF_ALU | BPF_SUB | BPF_K, BPF_ALU | BPF_SUB | BPF_X, BPF_ALU | BPF_MUL | BPF_K,
		BPF_ALU | BPF_MUL | BPF_X, BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_AND | BPF_K,
		BPF_ALU | BPF_AND | BPF_X, BPF_ALU | BPF_OR | BPF_K,  BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_XOR | BPF_X, BPF_ALU | BPF_LSH | BPF_X,
		BPF_ALU | BPF_RSH | BPF_X, BPF_ALU | BPF_NEG,	      BPF_LD | BPF_IMM,
		BPF_LDX | BPF_IMM,	   BPF_MISC | BPF_TAX,	      BPF_MISC | BPF_TXA,
	};
	/* NOLINTEND(misc-redundant-expression) */

	return is_in(plain, sizeof(plain) / sizeof(plain[0]), code);
}

static bool is_branch(uint16_t code)
{
	static const uint16_t branches[] = {
		BPF_JMP | BPF_JEQ | BPF_K,  BPF_JMP | BPF_JEQ | BPF_X,	BPF_JMP | BPF_JGE | BPF_K,
		BPF_JMP | BPF_JGE | BPF_X,  BPF_JMP | BPF_JGT | BPF_K,	BPF_JMP | BPF_JGT | BPF_X,
		BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JSET | BPF_X,
	};

	return is_in(branches, sizeof(branches) / sizeof(branches[0]), code);
}

/* @left: instructions after this one */
static bool is_right(const struct sock_filter *i, size_t left)
{
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return i->k % 4 == 0 && i->k < sizeof(struct seccomp_data);
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return i->k < BPF_MEMWORDS;
	case BPF_ALU | BPF_DIV | BPF_K:
		return i->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return i->k < 32;
	case BPF_JMP | BPF_JA:
		return i->k < left;
	default:
		return is_branch(i->code) ? i->jt < left && i->jf < left : is_plain(i->code);
	}
}

int seccomp_program_check(const struct sock_filter *p, size_t n, struct cc_error *err)
{
	if (n == 0 || n > SECCOMP_PROGRAM_MAX)
		return cc_fail(err, CC_E_INVALID, "a filter has 1 to %d instructions",
			       SECCOMP_PROGRAM_MAX);
	for (size_t i = 0; i < n; i++)
		if (!is_right(&p[i], n - 1 - i))
			return cc_fail(err, CC_E_INVALID,
				       "a filter's instruction %zu is not a valid one", i);
	return BPF_CLASS(p[n - 1].code) == BPF_RET
		       ? 0
		       : cc_fail(err, CC_E_INVALID, "a filter does not end with a return");
}

/* ---- one instruction ----------------------------------------------------------------------- */

/* False: divided by nothing, by which the kernel ends the program with 0. */
static bool compute(uint16_t op, uint32_t *a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		*a += b;
		break;
	case BPF_SUB:
		*a -= b;
		break;
	case BPF_MUL:
		*a *= b;
		break;
	case BPF_DIV:
		if (!b)
			return false;
		*a /= b;
		break;
	case BPF_AND:
		*a &= b;
		break;
	case BPF_OR:
		*a |= b;
		break;
	case BPF_XOR:
		*a ^= b;
		break;
	case BPF_LSH:
		*a <<= b & 31;
		break;
	case BPF_RSH:
		*a >>= b & 31;
		break;
	default: /* BPF_NEG */
		*a = 0u - *a;
		break;
	}
	return true;
}

static bool holds(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGE:
		return a >= b;
	case BPF_JGT:
		return a > b;
	default: /* BPF_JSET */
		return a & b;
	}
}

/* @whole: all of @d is known; else the number and the architecture */
static void load_data(struct way *w, uint32_t at, const struct seccomp_data *d, bool whole)
{
	uint32_t half = at >= ARGS_AT ? (uint32_t)(at - ARGS_AT) / 4 : 0;

	memcpy(&w->a, (const char *)d + at, sizeof(w->a));
	w->known_a = whole || at < offsetof(struct seccomp_data, instruction_pointer);
	w->word = !w->known_a && at >= ARGS_AT ? (int)(half ^ LOW_HALF) : -1;
	w->mask = UINT32_MAX;
}

static void set_a(struct way *w, uint32_t value, bool known)
{
	w->a = value;
	w->known_a = known;
	w->word = -1;
}

/* False: the program is over, as compute() says. */
static bool alu(struct way *w, const struct sock_filter *i)
{
	bool by_x = BPF_SRC(i->code) == BPF_X && BPF_OP(i->code) != BPF_NEG;
	int word = BPF_OP(i->code) == BPF_AND && !by_x ? w->word : -1;

	w->known_a = w->known_a && (!by_x || w->known_x);
	w->word = word;
	w->mask &= i->k;
	return !w->known_a || compute(BPF_OP(i->code), &w->a, by_x ? w->x : i->k);
}

/* All but returns and jumps. False: the program is over. */
static bool step(struct way *w, const struct sock_filter *i, const struct seccomp_data *d,
		 bool whole)
{
	uint16_t bit = (uint16_t)(1u << (i->k % BPF_MEMWORDS));

	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		load_data(w, i->k, d, whole);
		break;
	case BPF_LD | BPF_W | BPF_LEN:
		set_a(w, sizeof(*d), true);
		break;
	case BPF_LDX | BPF_W | BPF_LEN:
		w->x = sizeof(*d);
		w->known_x = true;
		break;
	case BPF_LD | BPF_IMM:
		set_a(w, i->k, true);
		break;
	case BPF_LDX | BPF_IMM:
		w->x = i->k;
		w->known_x = true;
		break;
	case BPF_LD | BPF_MEM:
		set_a(w, w->mem[i->k], w->known_mem & bit);
		break;
	case BPF_LDX | BPF_MEM:
		w->x = w->mem[i->k];
		w->known_x = w->known_mem & bit;
		break;
	case BPF_ST:
		w->mem[i->k] = w->a;
		w->known_mem = (uint16_t)(w->known_a ? w->known_mem | bit : w->known_mem & ~bit);
		break;
	case BPF_STX:
		w->mem[i->k] = w->x;
		w->known_mem = (uint16_t)(w->known_x ? w->known_mem | bit : w->known_mem & ~bit);
		break;
	case BPF_MISC | BPF_TAX:
		w->x = w->a;
		w->known_x = w->known_a;
		break;
	case BPF_MISC | BPF_TXA:
		set_a(w, w->x, w->known_x);
		break;
	default:
		return alu(w, i);
	}
	return true;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static const struct way start = {.known_a = true,
				 .known_x = true,
				 .known_mem = UINT16_MAX,
				 .word = -1};

/* Where a jump leads, from the instruction after it. */
static uint32_t target(const struct way *w, const struct sock_filter *i)
{
	if (BPF_OP(i->code) == BPF_JA)
		return i->k;
	return holds(BPF_OP(i->code), w->a, BPF_SRC(i->code) == BPF_X ? w->x : i->k) ? i->jt
										     : i->jf;
}

/* Each step goes forward, so it ends. */
uint32_t seccomp_program_run(const struct sock_filter *p, size_t n, const struct seccomp_data *d)
{
	struct way w = start;

	while (w.pc < n) {
		const struct sock_filter *i = &p[w.pc++];

		if (BPF_CLASS(i->code) == BPF_RET)
			return BPF_RVAL(i->code) == BPF_A ? w.a : i->k;
		if (BPF_CLASS(i->code) == BPF_JMP)
			w.pc += target(&w, i);
		else if (!step(&w, i, d, true))
			return 0;
	}
	return 0;
}

bool seccomp_answers_has(const struct seccomp_answers *a, uint32_t answer)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->answer[i] == answer)
			return true;
	return false;
}

static int add_answer(struct seccomp_answers *a, uint32_t answer)
{
	if (seccomp_answers_has(a, answer))
		return 0;
	if (a->n == SECCOMP_ANSWERS_MAX)
		return -1;
	a->answer[a->n++] = answer;
	return 0;
}

/* @i: compares A, of which not all is known, with something */
static void add_word(struct seccomp_answers *a, const struct way *w, const struct sock_filter *i)
{
	bool set = BPF_OP(i->code) == BPF_JSET;
	uint32_t mask = set ? w->mask & i->k : w->mask, value = set ? 0 : i->k;

	if (w->word < 0 || BPF_SRC(i->code) == BPF_X ||
	    (mask != UINT32_MAX && !set && BPF_OP(i->code) != BPF_JEQ)) {
		a->more = true;
		return;
	}
	a->cost += a->n_words / 8;
	for (size_t k = 0; k < a->n_words; k++)
		if (a->word[k].at == (unsigned int)w->word && a->word[k].mask == mask &&
		    a->word[k].value == value)
			return;
	if (a->n_words == SECCOMP_WORDS_MAX) {
		a->more = true;
		return;
	}
	a->word[a->n_words].at = (unsigned int)w->word;
	a->word[a->n_words].mask = mask;
	a->word[a->n_words++].value = value;
}

/**
 * struct walk - all ways of a call.
 * @wait: those that are still to be gone, @n of them
 */
struct walk {
	const struct sock_filter *p;
	const struct seccomp_data *d;
	struct seccomp_answers *out;
	size_t n, steps;
	struct way wait[WAYS_MAX];
};

/* Goes one of the ways, and leaves the other to wait where it is not known which. */
static int branch(struct walk *g, struct way *w, const struct sock_filter *i)
{
	bool by_x = BPF_OP(i->code) != BPF_JA && BPF_SRC(i->code) == BPF_X;

	if (BPF_OP(i->code) == BPF_JA || (w->known_a && (!by_x || w->known_x))) {
		w->pc += target(w, i);
		return 0;
	}
	add_word(g->out, w, i);
	if (g->n == WAYS_MAX)
		return -1;
	g->wait[g->n] = *w;
	g->wait[g->n++].pc += i->jf;
	w->pc += i->jt;
	return 0;
}

/* To the end of one way. */
static int go(struct walk *g, struct way w)
{
	while (g->steps++ < STEPS_MAX) {
		const struct sock_filter *i = &g->p[w.pc++];
		bool over = false;

		g->out->cost++;
		if (BPF_CLASS(i->code) == BPF_RET) {
			if (BPF_RVAL(i->code) != BPF_A)
				return add_answer(g->out, i->k);
			return w.known_a ? add_answer(g->out, w.a) : -1;
		}
		if (BPF_CLASS(i->code) == BPF_JMP) {
			if (branch(g, &w, i))
				return -1;
			continue;
		}
		/* what is divided by something that is not known may end it */
		if (BPF_CLASS(i->code) == BPF_ALU && BPF_OP(i->code) == BPF_DIV &&
		    BPF_SRC(i->code) == BPF_X && !(w.known_a && w.known_x))
			return -1;
		over = !step(&w, i, g->d, false);
		if (over)
			return add_answer(g->out, 0);
	}
	return -1;
}

int seccomp_program_answers(const struct sock_filter *p, size_t n, uint32_t arch, uint32_t nr,
			    struct seccomp_answers *out)
{
	const struct seccomp_data d = {.nr = (int)nr, .arch = arch};
	struct walk g = {.p = p, .d = &d, .out = out, .n = 1, .wait[0] = start};

	*out = (struct seccomp_answers){0};
	if (n == 0)
		return -1;
	while (g.n)
		if (go(&g, g.wait[--g.n]))
			return -1;
	return 0;
}
