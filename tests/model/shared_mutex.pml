/* SPDX-License-Identifier: MIT
 * The shared_mutex, as at the head of src/sync/shared_mutex.cpp and under the names of its steps.
 *
 * R readers and W writers each go in ROUNDS times; anybody may die before any step, and asleep, up to K of them. The
 * kernel wakes one of those who watch a dead token. A store without a fence waits in its processor's buffer until that
 * gets round to it, a fence is made for everybody (X2, X3), the process enters the kernel, or dies.
 *
 * R=2 W=1 ROUNDS=1 K=0
 * UNFENCED=0   1: the gate starts open and BIASED, and readers inside may make it so again
 * EAGER=1      a writer's unlock may open the gate (X7)
 * TIMED=0      1: whoever waits may give up
 * BACKSTOP=0   1: a sleeper looks again when nobody else can do anything
 * BROKEN       a rule to break, see below
 *
 * In the end nobody may be asleep: that is what "stuck" means.
 */
#ifndef R
#define R 2
#endif
#ifndef W
#define W 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef K
#define K 0
#endif
#ifndef UNFENCED
#define UNFENCED 0
#endif
#ifndef EAGER
#define EAGER 1
#endif
#ifndef TIMED
#define TIMED 0
#endif
#ifndef BACKSTOP
#define BACKSTOP 0
#endif

#define writer_does_not_fence 1    /* X2 */
#define reader_looks_once 2        /* G2 */
#define reader_wakes_nobody 3      /* G9 */
#define opener_wakes_nobody 4      /* G7, M4 */
#define waiter_stays_announced 5   /* G3 */
#define writer_sleeps_unfenced 6   /* X3 */
#define dead_drainer_abandons 7    /* T2 of one who was not inside */
#define gate_opens_untaken 8       /* G4 */
#ifndef BROKEN
#define BROKEN 0
#endif

mtype = { exclusion, sound_data, true_abandonment };
#define claim(name, holds)              \
    if                                  \
    :: (holds)                          \
    :: else ->                          \
        printf("broken: %e\n", name);   \
        assert(false)                   \
    fi

#define N (R + W)
#define has(set, who) (((set) >> (who)) & 1)
#define add(set, who) set = set | (1 << (who))
#define take_out(set, who) set = set & ~(1 << (who))

/* The owner word. */
byte owner;                  /* who + 1 */
bool contended, abandoned, repairing, tentative;
/* The gate. */
bool gate_open, draining, biased, waiting;
/* What a slot shows: nothing, one who waits, a reader; and what is still in the buffer. */
#define empty 0
#define waiter_entry 1
#define reader_entry 2
byte slot[N];
byte buffer[N];              /* 0; 1: reader_entry; 2: empty; 3: both, in this order */

byte on_word, on_slot;       /* who sleeps where */
byte sleeps_on[N];           /* whose slot */
byte watches[N];             /* whose token: who + 1 */
byte budget = K;
byte dead;
byte inside_reading, inside_writing;
bool torn, truly;            /* truly: somebody died writing, or repairing */

inline flush(who) {
    atomic {
        if
        :: buffer[who] == 1 -> slot[who] = reader_entry
        :: buffer[who] >= 2 -> slot[who] = empty
        :: else
        fi;
        buffer[who] = 0
    }
}
inline fence_everyone() {
    byte f = 0;
    do
    :: f < R -> flush(f); f++
    :: else -> break
    od;
    f = 0
}

/* Any one of `set`, to `one`; N if it is empty. */
inline any_of(set, one) {
    if
    :: has(set, 0) -> one = 0
    :: has(set, 1) -> one = 1
    :: has(set, 2) -> one = 2
    :: has(set, 3) -> one = 3
    :: set == 0 -> one = N
    fi
}
inline wake_up(who) {
    take_out(on_word, who);
    take_out(on_slot, who)
}
inline wake_word(most) {
    atomic {
        woken = 0;
        do
        :: woken < most && on_word != 0 -> any_of(on_word, one); wake_up(one); woken++
        :: else -> break
        od;
        woken = 0; one = 0
    }
}
inline wake_slot_of(who) {
    atomic {
        one = 0;
        do
        :: one < N ->
            if
            :: has(on_slot, one) && sleeps_on[one] == who -> wake_up(one)
            :: else
            fi;
            one++
        :: else -> break
        od;
        one = 0
    }
}
/* T1, P6: all who watch this token. */
inline pass_on(who) {
    atomic {
        one = 0;
        do
        :: one < N ->
            if
            :: has(on_word | on_slot, one) && watches[one] == (who) + 1 -> wake_up(one)
            :: else
            fi;
            one++
        :: else -> break
        od;
        one = 0
    }
}

#define may_die (budget > 0)
#define mortal if :: may_die -> budget--; goto died :: true fi
#define alive(who) (!has(dead, who))

/* The kernel buries `me`. */
inline bury() {
    atomic {
        flush(me);
        add(dead, me);
        wake_up(me);
        if
        :: owner == me + 1 && !tentative && !gate_open && !draining -> truly = true
        :: else
        fi;
        take_out(inside_reading, me);
        take_out(inside_writing, me);
        /* One of those who watch. */
        woken = 0; one = 0;
        do
        :: one < N ->
            if
            :: has(on_word | on_slot, one) && watches[one] == me + 1 -> add(woken, one)
            :: else
            fi;
            one++
        :: else -> break
        od;
        any_of(woken, one);
        if
        :: one < N -> wake_up(one)
        :: else
        fi;
        woken = 0; one = 0
    }
}

inline notice_death(who) {
    pass_on(who);                                   /* T1 */
    mortal;
    atomic {                                        /* T2 */
        if
        :: owner == (who) + 1 ->
            if
            :: (tentative || gate_open || draining) && BROKEN != dead_drainer_abandons
            :: else -> abandoned = true
            fi;
            owner = 0; tentative = false; repairing = false
        :: else
        fi
    }
    mortal;
    wake_word(N)                                    /* T3 */
}

/* Asleep on the word, which is still owned by `seen`; falls through when awake, or at once. */
inline sleep_on_word() {
    atomic {
        if
        :: owner == seen + 1 && contended && alive(seen) ->
            flush(me);
            add(on_word, me); watches[me] = seen + 1; slept = true
        :: else
        fi
    }
    if
    :: atomic { !has(on_word, me) -> skip }
    :: atomic { timeout && BACKSTOP == 1 -> wake_up(me) }
    :: atomic { may_die && has(on_word, me) -> budget--; goto died }
    fi;
    mortal;                                         /* P4 */
    if
    :: !alive(seen) -> pass_on(seen)                /* P6 */
    :: else
    fi
}
inline mark_contended() {
    atomic {                                        /* L4 */
        if
        :: owner == seen + 1 -> contended = true
        :: else
        fi
    }
    mortal
}

proctype reader(byte me) {
    byte round, one, woken, seen;
    bool slept, was_contended, ok;
again:
    slept = false;
    mortal;
    if
    :: gate_open && biased ->
        mortal;
        buffer[me] = 1;                             /* G1 */
        mortal;
        if
        :: (gate_open && biased) || BROKEN == reader_looks_once -> goto inside
        :: else
        fi
    :: gate_open && !biased ->
        mortal;
        atomic { flush(me); slot[me] = reader_entry }  /* G1 */
        mortal;
        if
        :: gate_open || BROKEN == reader_looks_once -> goto inside
        :: else
        fi
    :: !gate_open -> mortal; atomic { flush(me); slot[me] = waiter_entry }  /* G0 */
    fi;
    do
    :: true ->
        mortal;
        if
        :: gate_open ->
            mortal;
            atomic { flush(me); slot[me] = reader_entry }  /* G1 */
            mortal;
            if
            :: gate_open -> goto in_at_last         /* G2 */
            :: else
            fi
        :: else
        fi;
        if
        :: (slot[me] == reader_entry || buffer[me] == 1) && BROKEN != waiter_stays_announced ->
            mortal;
            atomic { flush(me); slot[me] = waiter_entry }  /* G3 */
            mortal;
            if
            :: waiting && BROKEN != reader_wakes_nobody -> wake_slot_of(me)  /* G9 */
            :: else
            fi
        :: else
        fi;
        mortal;
        atomic {
            seen = (owner == 0 -> N : owner - 1); ok = abandoned; was_contended = contended;
            claim(true_abandonment, !abandoned || truly)
        }
        if
        :: seen == N && !ok && gate_open            /* look again */
        :: seen == N && !ok && !gate_open ->
            mortal;
            atomic { flush(me); slot[me] = reader_entry }  /* G1 */
            mortal;
            atomic {                                /* G4 */
                ok = false;
                if
                :: owner == 0 && !abandoned ->
                    ok = true;
                    if
                    :: BROKEN != gate_opens_untaken ->
                        owner = me + 1; tentative = true; contended = contended || slept
                    :: else
                    fi
                :: else
                fi
            }
            if
            :: ok ->
                mortal;
                atomic { gate_open = true; draining = false; waiting = false }  /* G5; BIASED kept */
                mortal;
                atomic {                            /* G6 */
                    was_contended = contended;
                    if
                    :: BROKEN != gate_opens_untaken -> owner = 0; tentative = false; contended = false
                    :: else
                    fi
                }
                mortal;
                if
                :: was_contended && BROKEN != opener_wakes_nobody -> wake_word(N)  /* G7 */
                :: else
                fi;
                goto in_at_last
            :: else
            fi
        :: seen == N && ok ->                       /* refused */
            mortal;
            if
            :: was_contended -> wake_word(N)
            :: else
            fi;
            goto give_up
        :: seen < N && !alive(seen) -> mortal; notice_death(seen)
        :: seen < N && alive(seen) && TIMED == 1 -> goto give_up
        :: seen < N && alive(seen) ->
            mortal;
            mark_contended();
            sleep_on_word()
        fi
    od;
give_up:
    mortal;
    if
    :: slept -> wake_word(1)                        /* L6 */
    :: else
    fi;
    mortal;
    atomic { flush(me); slot[me] = empty }
    goto gone;
in_at_last:
    mortal;
    if
    :: slept && BROKEN != opener_wakes_nobody -> wake_word(N)  /* M4 */
    :: else
    fi;
inside:
    atomic {
        add(inside_reading, me);
        claim(exclusion, inside_writing == 0);
        claim(sound_data, !torn)
    }
    if
    :: UNFENCED == 1 -> mortal; atomic { if :: gate_open && !biased -> biased = true :: else fi }
    :: true
    fi;
    mortal;
    atomic {                                        /* G8 */
        take_out(inside_reading, me);
        buffer[me] = (buffer[me] == 0 -> 2 : 3)
    }
    mortal;
    if
    :: waiting && BROKEN != reader_wakes_nobody -> flush(me); mortal; wake_slot_of(me)  /* G9 */
    :: else
    fi;
    round++;
    if
    :: round < ROUNDS -> goto again
    :: else -> goto gone
    fi;
died:
    bury();
gone:
    skip
}

proctype writer(byte me) {
    byte round, one, woken, seen, i;
    bool slept, was_contended, ok, announced, was_biased;
again:
    slept = false; announced = false;
    do
    :: true ->
        mortal;
        atomic { seen = (owner == 0 -> N : owner - 1); ok = abandoned; was_contended = contended }
        if
        :: seen == N ->
            mortal;
            atomic {                                /* L1, L2, L3 */
                if
                :: owner == 0 && abandoned == ok ->
                    owner = me + 1; contended = contended || slept;
                    repairing = abandoned; abandoned = false;
                    break
                :: else
                fi
            }
        :: seen < N && !alive(seen) -> mortal; notice_death(seen)
        :: seen < N && alive(seen) && TIMED == 1 ->
            mortal;
            if
            :: slept -> wake_word(1)                /* L6 */
            :: else
            fi;
            goto gone
        :: seen < N && alive(seen) ->
            mortal;
            mark_contended();
            sleep_on_word()
        fi
    od;
    mortal;
    if
    :: gate_open || draining ->
        atomic { gate_open = false; draining = true; waiting = false; was_biased = biased }  /* X1 */
        mortal;
        if
        :: was_biased && BROKEN != writer_does_not_fence -> fence_everyone()  /* X2 */
        :: else
        fi;
        i = 0;
        do
        :: i == R -> break
        :: i < R && (slot[i] != reader_entry || !alive(i)) -> i++
        :: i < R && slot[i] == reader_entry && alive(i) && TIMED == 1 ->
            mortal;
            atomic { gate_open = true; draining = false; waiting = false }  /* X6 */
            mortal;
            atomic { owner = 0; contended = false; repairing = false }
            mortal;
            wake_word(N);
            goto gone
        :: i < R && slot[i] == reader_entry && alive(i) && !announced ->
            mortal;
            waiting = true;                         /* X3 */
            mortal;
            if
            :: BROKEN != writer_sleeps_unfenced -> fence_everyone()
            :: else
            fi;
            announced = true
        :: i < R && slot[i] == reader_entry && alive(i) && announced ->
            mortal;
            atomic {                                /* X4 */
                if
                :: slot[i] == reader_entry && alive(i) ->
                    add(on_slot, me); sleeps_on[me] = i; watches[me] = i + 1
                :: else
                fi
            }
            if
            :: atomic { !has(on_slot, me) -> skip }
            :: atomic { timeout && BACKSTOP == 1 -> wake_up(me) }
            :: atomic { may_die && has(on_slot, me) -> budget--; goto died }
            fi;
            mortal;
            if
            :: !alive(i) -> pass_on(i)              /* P6 */
            :: else
            fi
        od;
        mortal;
        atomic { draining = false; waiting = false; biased = false }  /* X5 */
    :: else
    fi;
    atomic {
        claim(exclusion, inside_reading == 0 && inside_writing == 0);
        claim(sound_data, !torn || repairing);
        claim(true_abandonment, !repairing || truly);
        add(inside_writing, me);
        torn = true
    }
    mortal;
    torn = false;
    mortal;
    atomic { repairing = false; truly = false }     /* R1 */
    mortal;
    take_out(inside_writing, me);
    if
    :: EAGER == 1 ->
        gate_open = true;                           /* X7 */
        mortal;
        atomic { was_contended = contended; owner = 0; contended = false }  /* U2 */
        mortal;
        if
        :: was_contended -> wake_word(N)            /* U3 */
        :: else
        fi
    :: true ->
        atomic { was_contended = contended; owner = 0; contended = false }
        mortal;
        if
        :: was_contended -> wake_word(2)
        :: else
        fi
    fi;
    round++;
    if
    :: round < ROUNDS -> goto again
    :: else -> goto gone
    fi;
died:
    bury();
gone:
    skip
}

/* Buffers get empty in their own time. */
proctype processors() {
end:
    do
    :: atomic { buffer[0] != 0 -> flush(0) }
    :: atomic { R > 1 && buffer[R - 1] != 0 -> flush(R - 1) }
    :: atomic { R > 2 && buffer[1] != 0 -> flush(1) }
    od
}

init {
    atomic {
        byte who = 0;
        if
        :: UNFENCED == 1 -> gate_open = true; biased = true
        :: else
        fi;
        do
        :: who < R -> run reader(who); who++
        :: who >= R && who < N -> run writer(who); who++
        :: who == N -> break
        od;
        run processors()
    }
}
