/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease protocol (docs/leases.md) for spin: keyd, and two hosts that want one volume. Time is counted in
 * ticks; requests, answers and messages to the kernel take any time; agents stop and die, hosts and keyd's
 * host boot, leases are revoked and returned, at any moment.
 *
 * Never: two kernels with the key; a write that reaches the LUN after another host's; a write from memory that
 * is older than what is on the LUN.
 *
 * With one of AGENT_FROM_ANSWER, MESSAGE_FROM_NOW, NO_SLACK, REBOOT_FORGETS, REVOKE_FREES, RESUME_ANY, SLOW_SAN defined
 * the protocol is broken in that way, and spin must find out (model.sh).
 */

#define N	2		/* hosts */
#define L	3		/* a lease */
#define W	1		/* a write is on its way to the LUN for at most this */
#ifdef NO_SLACK
#define SLACK	0
#else
#define SLACK	2		/* > W: keyd/custodian/lease.h */
#endif
#define FENCES	3		/* leases granted before the model ends */
#define NONE	N
#define RELEASE	1		/* of the key */
#define RENEW	2		/* of the lease that the agent knows */

/* keyd's row: the only lease of the volume, in its database */
byte holder = NONE;
byte row_left;			/* 0: others may have it */
byte row_fence;
bool row_revoked;
bool row_old_boot;		/* the holder's host was booted since */
byte fence;			/* the last one given out */

/* hosts */
byte key_left[N];		/* in the kernel; 0: locked */
byte age[N];			/* since the agent asked; stays at L when it gets there */
byte asked[N];			/* a request is on its way to keyd: RELEASE or RENEW; 0: none */
byte answer[N];			/* an answer is on its way back: its fence; 0: none */
byte refusal[N];		/* or one that says no, to that */
byte message[N];		/* to the kernel, on its way: it names the end, which is so far away; 0: none */
byte lease[N];			/* fence of the lease the agent knows; 0: none */
byte memory[N];			/* fence under which the container's memory was read or written; 0: nothing there */
byte flying[N];			/* fence of a write on its way to the LUN; 0: none */
byte flown[N];

byte on_lun;			/* fence of the last write that arrived */

#define other(h)	(1 - (h))

inline alone() {
	assert(!(key_left[0] > 0 && key_left[1] > 0))
}

/* Everybody's clock. What must not take longer than so long does not. */
inline tick() {
	if
	:: row_left > 0 -> row_left--
	:: else
	fi;
	h = 0;
	do
	:: h < N ->
		if
		:: key_left[h] > 0 -> key_left[h]--
		:: else
		fi;
		if
		:: (asked[h] || answer[h] > 0) && age[h] < L -> age[h]++
		:: else
		fi;
		if
#ifndef MESSAGE_FROM_NOW
		:: message[h] > 0 -> message[h]--	/* an end that has passed is refused */
#endif
		:: else
		fi;
		if
		:: flying[h] > 0 && flown[h] < W -> flown[h]++
		:: else
		fi;
		h++
	:: else -> break
	od
}

#ifdef SLOW_SAN
#define landed	true
#else
#define landed	((flying[0] == 0 || flown[0] < W) && (flying[1] == 0 || flown[1] < W))
#endif

proctype clock() {
	byte h;

end:	do
	:: atomic { landed ->
		tick();
		h = 0
	   }
	od
}

/* keyd: lease_judge(), lease_grant(), lease_mine(). One request at a time, all of it on disk before the answer. */
proctype keyd() {
	byte h;

end:	do
	:: atomic { asked[0] > 0 -> h = 0; goto decide }
	:: atomic { asked[1] > 0 -> h = 1; goto decide }
	:: atomic { holder != NONE && !row_revoked ->	/* an administrator */
		row_revoked = true;
#ifdef REVOKE_FREES
		holder = NONE
#endif
	   }
	:: atomic { holder != NONE ->			/* keyd's host is booted: what was left is not known */
#ifdef REBOOT_FORGETS
		row_left = 0
#else
		row_left = L + SLACK
#endif
	   }
	od;

decide:	atomic {
		if
		:: holder == h && !row_old_boot && !row_revoked && (asked[h] == RELEASE || row_fence == lease[h]) ->
			row_left = L + SLACK;		/* its own: goes on, also when it was over */
			answer[h] = row_fence
		:: else ->
			if
			:: asked[h] == RELEASE && fence < FENCES &&
			   (holder == NONE || row_left == 0 || (holder == h && row_old_boot)) ->
				fence++;
				holder = h;
				row_fence = fence;
				row_left = L + SLACK;
				row_revoked = false;
				row_old_boot = false;
				answer[h] = fence
			:: else -> refusal[h] = asked[h]
			fi
		fi;
		asked[h] = 0;
		h = 0
	};
	goto end
}

proctype host(byte h) {
	byte got;

end:	do
	/* the agent takes the time, then asks */
	:: atomic { asked[h] == 0 && answer[h] == 0 && refusal[h] == 0 && message[h] == 0 ->
		if
		:: asked[h] = RELEASE
		:: lease[h] != 0 -> asked[h] = RENEW
		fi;
		age[h] = 0
	   }
	/* the request or the answer gets lost */
	:: atomic { asked[h] > 0 -> asked[h] = 0; age[h] = 0 }
	:: atomic { answer[h] > 0 -> answer[h] = 0; age[h] = 0 }
	/* an answer: the kernel is told, a little later */
	:: atomic { answer[h] > 0 ->
		got = answer[h];
		answer[h] = 0;
		if
#ifndef RESUME_ANY
		:: memory[h] != 0 && memory[h] != got ->
			/* somebody else had the volume: what is in memory is dropped */
			memory[h] = 0;
			lease[h] = 0;
			key_left[h] = 0
#endif
		:: else ->
			lease[h] = got;
#ifdef AGENT_FROM_ANSWER
			message[h] = L
#else
			message[h] = L - age[h]		/* 0: it came too late */
#endif
		fi;
		age[h] = 0;
		got = 0
	   }
	:: atomic { message[h] > 0 ->
		key_left[h] = message[h];
		message[h] = 0;
		alone()
	   }
	/* a no to who has a lease: the container is killed, the volume unmounted and locked */
	:: atomic { refusal[h] > 0 ->
		age[h] = 0;
		if
		:: refusal[h] == RENEW ->
			key_left[h] = 0;
			memory[h] = 0;
			lease[h] = 0
		:: else
		fi;
		refusal[h] = 0
	   }
	/* the container ends: locked, then returned */
	:: atomic { lease[h] != 0 && asked[h] == 0 && answer[h] == 0 && message[h] == 0 && flying[h] == 0 ->
		key_left[h] = 0;
		memory[h] = 0;
		if
		:: holder == h && row_fence == lease[h] -> holder = NONE; row_left = 0; row_revoked = false; row_fence = 0
		:: else
		fi;
		lease[h] = 0
	   }
	/* the agent is killed: what it had asked for is lost to it, the binding's file is not */
	:: atomic { answer[h] > 0 || refusal[h] > 0 || message[h] > 0 ->
		answer[h] = 0;
		refusal[h] = 0;
		message[h] = 0;
		age[h] = 0
	   }
	/* the host is booted */
	:: atomic { flying[h] == 0 ->
		answer[h] = 0;
		refusal[h] = 0;
		message[h] = 0;
		asked[h] = 0;
		age[h] = 0;
		lease[h] = 0;
		memory[h] = 0;
		key_left[h] = 0;
		if
		:: holder == h -> row_old_boot = true
		:: else
		fi
	   }
	/* the container writes, out of its memory */
	:: atomic { key_left[h] > 0 && flying[h] == 0 ->
		assert(memory[h] == 0 || on_lun <= memory[h]);
		memory[h] = lease[h];
		flying[h] = lease[h];
		flown[h] = 0
	   }
	:: atomic { flying[h] > 0 ->
		assert(on_lun <= flying[h]);
		on_lun = flying[h];
		flying[h] = 0;
		flown[h] = 0
	   }
	od
}

init {
	atomic {
		run clock();
		run keyd();
		run host(0);
		run host(1)
	}
}
