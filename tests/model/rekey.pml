/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The online rekey (docs/rekey.md) for spin: windows of one sector, the payload slot, two headers, a mover, and a
 * container that writes and flushes. Power fails at any moment, in a recovery too: each sector written since the last
 * flush is then there, lost or torn by itself. The key goes and comes at any moment. Writes of headers fail with
 * an outcome that nobody knows; a flush that fails may have lost what it was to keep.
 *
 * Never: a sector that may be used and has another key than the position says; a sector with what was neither the
 * last flushed nor written since, or torn where nobody had been writing; a payload that is not its header's.
 *
 * Broken by -DNO_PREFLUSH (a header is written before what it speaks of is durable), ONE_HEADER (both are in one
 * block), NO_DRAIN (writes on their way are not waited for), HOME_FIRST (home is written before the header),
 * EARLY_UNPARK (writes go into the window before the second header is durable), ERROR_UNPARK (a header whose write
 * failed is taken for not written), RETRY_HEADER (after a failed flush only the header is written again), NO_RESTATE
 * (after a failed header its step is done again at once), STALE_KEY (a write of the key's earlier life arrives, and
 * nobody waits for it), TRUST_MEMORY (an unlock goes on where this host had been, another host or not),
 * CLEAR_UNTOLD (the headers are zeroed before keyd knows that the rekey is done); spin must find out.
 */

#define NW	2		/* windows */
#define PAY	NW		/* the payload slot, after the windows */
#define A	0		/* headers */
#define B	1

/* What a sector holds: the key and one of two versions, or what makes no sense, read and encrypted anew or torn. */
#define val(key, version)	(2 * (key) + (version))
#define OLD	0
#define NEW	1
#define GARBAGE	4
#define TORN	5
#define NONE	7
#define one(v)	(1 << (v))
#define is_garbage(v)	((v) >= GARBAGE)
#define key_of(v)	((v) / 2)
#define version_of(v)	((v) % 2)

/* the medium */
byte cur[NW + 1];		/* what a read finds */
byte may[NW + 1];		/* what may be there after a crash */
byte head[2];			/* number of a header, 1 to 3 and 1 again; 0: zeroes */
bool payload[2];		/* the payload is of window `begin`; or all before it are done */
byte begin[2];
byte digest[2];			/* of the payload */
#define LOST	15		/* number of a torn header */

/* what the container may find */
byte good[NW];			/* the versions */
bool torn[NW];			/* it was writing there, and has not flushed since */
byte acked[NW];			/* the version that it was last told is written */
byte way[NW] = NONE;		/* a write is on its way */
bool stale[NW];			/* and nobody knows of it */
bool crashed;			/* it has to see first what there is */

/* the kernel */
byte pos;			/* windows before it have the new key */
byte window = NONE;		/* the locked one */
bool alive;			/* the rekey knows where it is: bios may start */
byte seq;			/* of the newest header */
byte block;			/* where the next one goes */
byte buf;			/* the payload */
byte at;			/* step of the mover */
bool has_payload;		/* the header that is being written */
byte begins;
byte back;			/* step to go back to when it cannot be */
byte next;			/* step after it */
byte memory = NONE;		/* position of this host when it lost the key */

/* keyd */
bool told;			/* the rekey is done: the new key alone */

/* steps */
#define DEAD	0
#define NUMBER	1		/* the two headers of the start */
#define LOCK	2
#define DRAIN	3
#define PAYLOAD	4
#define PAID	5
#define FLUSH	6		/* any header: first what was written before it */
#define WRITE	7
#define HOME	8
#define HOMED	9
#define COMMIT	10
#define FREE	11
#define DONE	12
#define CLEAR	13
#define ZERO	14
#define OVER	15

#define is_valid(b)	(head[b] != 0 && head[b] != LOST)
#define after(n)	((n) % 3 + 1)
#define newest()	(is_valid(A) && (!is_valid(B) || head[A] == after(head[B])) -> A : (is_valid(B) -> B : NONE))

byte s, v, m;			/* for what is done at once */

/* A write is on its way: after a crash it may be there, torn or not. */
inline issue(i, value) { may[i] = may[i] | one(value) | one(TORN) }

/* All that had arrived is durable. */
inline flush() {
	s = 0;
	do
	:: s <= NW ->
		may[s] = one(cur[s]);
		if
		:: s < NW && way[(s < NW -> s : 0)] != NONE -> issue(s, way[s])
		:: else
		fi;
		s++
	:: else -> break
	od;
	s = 0
}

/* One of what may be there is. */
inline settle(i) {
	m = may[i];
	if
	:: m & 1 -> cur[i] = 0
	:: m & 2 -> cur[i] = 1
	:: m & 4 -> cur[i] = 2
	:: m & 8 -> cur[i] = 3
	:: m & 16 -> cur[i] = GARBAGE
	:: m & 32 -> cur[i] = TORN
	fi;
	m = 0
}

/* A header as written now: its number is the next one, its block not that of the newest. */
inline put_header() {
	head[block] = after(seq);
	payload[block] = has_payload;
	begin[block] = begins;
	digest[block] = (has_payload -> buf : 0)
}

inline no_header(b, n) {
	head[b] = n;
	payload[b] = 0;
	begin[b] = 0;
	digest[b] = 0
}

inline write_header(with_payload, which, from, then) {
	has_payload = with_payload;
	begins = which;
	back = from;
	next = then;
	at = FLUSH
}

/* ... of which nobody knows whether it arrived. */
inline half_header() {
	if
	:: skip
	:: put_header()
	:: no_header(block, LOST)
	fi
}

/* What is true whether or not the header arrived goes into its block; then the step again. */
inline restate() {
#if defined(RETRY_HEADER)
	at = FLUSH
#elif defined(NO_RESTATE)
	at = back
#else
	if
#ifdef ERROR_UNPARK
	:: back == PAYLOAD -> window = NONE; at = LOCK
#endif
	:: next != back ->
		has_payload = !has_payload;
		begins = pos;
		next = back;
		at = FLUSH
	:: next == back -> at = FLUSH
	fi
#endif
}

inline forget() {
	alive = 0;
	window = NONE;
	pos = 0;
	seq = 0;
	block = 0;
	buf = 0;
	has_payload = 0;
	begins = 0;
	back = 0;
	next = 0;
	at = DEAD
}

/* Power fails. */
inline crash() {
	atomic {
		if
		:: at == WRITE -> half_header()
		:: at == ZERO ->
			if
			:: skip
			:: no_header((head[A] == 0 -> B : A), LOST)
			:: no_header((head[A] == 0 -> B : A), 0)
			fi
		:: else
		fi;
		settle(0);
		settle(1);
		settle(PAY);
		d_step {
			s = 0;
			do
			:: s <= NW -> may[s] = one(cur[s]); s++
			:: else -> break
			od;
			s = 0;
			do
			:: s < NW -> way[s] = NONE; stale[s] = 0; s++
			:: else -> break
			od;
			s = 0;
			memory = NONE;
			crashed = 1;
			forget()
		}
	}
}

/* The key goes. What is on its way arrives, or is not sent. */
inline lose_key() {
	d_step {
		if
		:: at == WRITE -> put_header()
		:: at == ZERO -> no_header((head[A] == 0 -> B : A), 0)
		:: at == PAID -> cur[PAY] = buf
		:: at == HOMED -> cur[pos] = buf
		:: else
		fi;
#ifdef TRUST_MEMORY
		memory = (memory == NONE && alive -> pos : memory);
#endif
#ifdef STALE_KEY
		stale[0] = (way[0] != NONE);
		stale[1] = (way[1] != NONE);
#endif
		forget()
	}
}

/* What is found after a crash is what there is from now on: one version, or garbage. */
inline narrow() {
	s = 0;
	do
	:: crashed && s < NW ->
		v = (s == window -> buf : cur[s]);
		if
		:: is_garbage(v) -> assert(torn[s]); good[s] = 0
		:: else ->
			assert((good[s] & one(version_of(v))) && key_of(v) == (s < pos || s == window));
			good[s] = one(version_of(v));
			acked[s] = version_of(v);
			torn[s] = 0
		fi;
		s++
	:: else -> break
	od;
	crashed = 0;
	s = 0;
	v = 0
}

inline recover() {
	atomic {
		if
		:: told ->			/* one key: whatever is left of the headers is zeroed */
			d_step { pos = NW; alive = 1; at = CLEAR; narrow() }
		:: !told && newest() == NONE ->	/* not started: the old key */
			assert(head[A] == 0 || head[B] == 0);
			d_step { pos = 0; alive = 1; seq = 0; at = NUMBER; narrow() }
		:: !told && newest() != NONE ->
			d_step {
				m = newest();
				seq = head[m];
				pos = begin[m];
#ifndef ONE_HEADER
				block = 1 - m;
#endif
#ifdef TRUST_MEMORY
				if
				:: memory != NONE -> pos = memory; memory = NONE
				:: else
				fi;
#endif
				alive = 1;
				if
				:: payload[m] ->
					buf = cur[PAY];
					assert(buf == digest[m]);
					window = pos;
					at = HOME
				:: else -> at = NUMBER
				fi;
				m = 0;
				narrow()
			}
		fi
	}
}

inline step() {
	if
	/* the start writes both headers, before anything moves */
	:: at == NUMBER -> d_step {
		if
#ifdef ONE_HEADER
		:: seq == 0 -> write_header(0, pos, NUMBER, NUMBER)
		:: seq != 0 && pos < NW -> at = LOCK
#else
		:: !is_valid(block) -> write_header(0, pos, NUMBER, NUMBER)
		:: is_valid(block) && pos < NW -> at = LOCK
#endif
		:: else -> at = DONE
		fi }
	:: at == LOCK -> d_step { window = pos; at = DRAIN }
#ifdef NO_DRAIN
	:: at == DRAIN -> d_step {
#else
	:: at == DRAIN && (way[pos] == NONE || stale[pos]) -> d_step {
#endif
		buf = (is_garbage(cur[pos]) -> GARBAGE : val(NEW, version_of(cur[pos])));
#ifdef HOME_FIRST
		issue(pos, buf);
		cur[pos] = buf;
#endif
		at = PAYLOAD }
	:: at == PAYLOAD -> d_step { issue(PAY, buf); at = PAID }
	:: at == PAID -> d_step { cur[PAY] = buf; write_header(1, pos, PAYLOAD, HOME) }
	:: at == HOME -> d_step { issue(pos, buf);
#ifdef EARLY_UNPARK
		window = NONE;
		pos++;
		at = COMMIT;
		cur[pos - 1] = buf
#else
		at = HOMED
#endif
		}
	:: at == HOMED -> d_step { cur[pos] = buf; at = COMMIT }
	:: at == COMMIT -> d_step {
#ifdef EARLY_UNPARK
		write_header(0, pos, COMMIT, NUMBER)
#else
		write_header(0, pos + 1, HOME, FREE)
#endif
		}
	:: at == FREE -> d_step { window = NONE; pos++; buf = 0; at = NUMBER }
	/* any header */
	:: at == FLUSH -> d_step {
#ifndef NO_PREFLUSH
		flush();
#endif
		at = WRITE }
	:: at == FLUSH -> atomic {			/* the flush fails */
		if
		:: back == PAYLOAD -> settle(PAY); may[PAY] = one(cur[PAY])
		:: back == HOME -> settle(pos); may[pos] = one(cur[pos])
		:: else
		fi;
		restate()
		}
	:: at == WRITE -> d_step {
		put_header();
		seq = after(seq);
#ifndef ONE_HEADER
		block = 1 - block;
#endif
		at = next;
		has_payload = 0;
		begins = 0;
		back = 0;
		next = 0 }
	:: at == WRITE -> atomic { half_header(); restate() }	/* the write fails */
	/* the end */
	:: at == DONE -> d_step { told = 1; at = CLEAR }
#ifdef CLEAR_UNTOLD
	:: at == DONE -> at = CLEAR
#endif
	:: at == CLEAR -> d_step {
		flush();
		if
		:: head[A] == 0 && head[B] == 0 -> at = OVER
		:: else -> at = ZERO
		fi }
	:: at == ZERO -> d_step {
		if
		:: head[A] != 0 -> no_header(A, 0)
		:: else -> no_header(B, 0)
		fi;
		at = CLEAR }
	fi
}

#define starts(i)	(alive && window != i && way[i] == NONE)

inline container(i) {
	if
	:: starts(i) && !(good[i] & 1) -> v = 0
	:: starts(i) && !(good[i] & 2) -> v = 1
	fi;
	way[i] = val(i < pos, v);
	good[i] = good[i] | one(v);
	v = 0;
	torn[i] = 1;
	issue(i, way[i])
}

inline arrive(i) {
	cur[i] = way[i];
	acked[i] = version_of(way[i]);
	way[i] = NONE;
	stale[i] = 0
}

/* The container's own flush: it knows what is durable. */
inline sync() {
	flush();
	do
	:: s < NW ->
		if
		:: way[s] == NONE && (good[s] & one(acked[s])) && !(is_garbage(cur[s])) ->
			good[s] = one(acked[s]);
			torn[s] = 0
		:: else
		fi;
		s++
	:: else -> break
	od;
	s = 0
}

init {
	d_step {
		may[0] = 1;
		may[1] = 1;
		may[PAY] = 1;
		good[0] = 1;
		good[1] = 1
	}
	do
	:: step()
	:: at == DEAD -> recover()
	:: crash()
	:: at != DEAD -> lose_key()
	:: atomic { container(0) }
	:: atomic { container(1) }
	:: d_step { way[0] != NONE -> arrive(0) }
	:: d_step { way[1] != NONE -> arrive(1) }
	:: d_step { alive -> sync() }
	od
}

#define usable(i)	(alive && window != i && way[i] == NONE)
#define is_right(i)	(is_garbage(cur[i]) -> torn[i] : key_of(cur[i]) == (i < pos) && (good[i] & one(version_of(cur[i]))) != 0)

never {
	do
	:: usable(0) && !is_right(0) -> break
	:: usable(1) && !is_right(1) -> break
	:: else
	od
}
