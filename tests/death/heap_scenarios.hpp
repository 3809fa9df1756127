// SPDX-License-Identifier: MIT
// The scenarios around directory and heap.
#pragma once

#include "death/heap_scenario.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace death {

class construct : public heap_scenario {
public:
    using heap_scenario::heap_scenario;
    void operation(board&) override { memory_.construct<page_of_text>("new", 2u); }

protected:
    void survive() override {
        support::check(check_whole_or_absent("old", 1), "the old object is gone");
        check_whole_or_absent("new", 2);
        support::check(memory_.find_or_construct<page_of_text>("new", 2u).whole(), "not whole");
    }
    void inspect() override {
        support::check(check_whole_or_absent("new", 2), "the new object is gone");
        destroy_if_there("new");
        destroy_if_there("old");
        check_room(0);
    }
};

/// The others come one after the other, and do not mind the name.
class construct_beside_others : public construct {
public:
    using construct::construct;

protected:
    void survive() override {
        memory_.construct<page_of_text>("another" + std::to_string(getpid()), 3u);
        check_whole_or_absent("new", 2);
    }
    void inspect() override {
        check_whole_or_absent("new", 2);
        destroy_if_there("new");
        destroy_if_there("old");
        // The two others are still there, each no larger than two fillers.
        check_room(4);
    }
};

class find : public construct {
public:
    using construct::construct;
    void operation(board&) override { static_cast<void>(memory_.find<page_of_text>("old")); }
};

class destroy : public heap_scenario {
public:
    using heap_scenario::heap_scenario;
    void prepare(stage& on) override {
        heap_scenario::prepare(on);
        // Neighbours on both sides, one of them free: all ways of merging.
        memory_.construct<page_of_text>("before", 3u);
        memory_.construct<page_of_text>("victim's", 4u);
        memory_.construct<page_of_text>("behind", 5u);
        memory_.destroy<page_of_text>("before");
    }
    void operation(board&) override { memory_.destroy<page_of_text>("victim's"); }

protected:
    void survive() override {
        support::check(check_whole_or_absent("old", 1), "the old object is gone");
        check_whole_or_absent("victim's", 4);
        destroy_if_there("victim's");
        support::check(!check_whole_or_absent("victim's", 4), "destroyed, and still there");
    }
    void inspect() override {
        support::check(check_whole_or_absent("behind", 5), "a neighbour is gone");
        destroy_if_there("behind");
        destroy_if_there("old");
        check_room(0);
    }
};

class allocate : public heap_scenario {
public:
    using heap_scenario::heap_scenario;
    // Another size than the fillers': where its rest begins, no block has ever begun.
    void operation(board&) override { static_cast<void>(memory_.allocate(odd_size)); }

protected:
    void survive() override {
        // Zero, whatever the dead one left there; ours alone while we write.
        auto* block = static_cast<unsigned char*>(memory_.allocate(filler));
        for (std::size_t i = 0; i < filler; ++i) support::check(block[i] == 0, "a new block is not zero");
        for (std::size_t i = 0; i < filler; ++i) block[i] = static_cast<unsigned char>(getpid());
        for (std::size_t i = 0; i < filler; ++i)
            support::check(block[i] == static_cast<unsigned char>(getpid()), "two have one block");
        memory_.deallocate(block);
    }
    void inspect() override {
        destroy_if_there("old");
        check_room(2);  // the victim's, whose address died with it: on the places of two fillers
    }

    static constexpr std::size_t odd_size = 80;
};

/// Aligned to more than a block, so that the front is split off as well.
class allocate_aligned : public allocate {
public:
    using allocate::allocate;
    void operation(board&) override { static_cast<void>(memory_.allocate(filler, 256)); }
};

class deallocate : public allocate {
public:
    using allocate::allocate;
    void prepare(stage& on) override {
        heap_scenario::prepare(on);
        void* before = memory_.allocate(filler);
        block_ = memory_.allocate(filler);
        behind_ = memory_.allocate(filler);
        memory_.deallocate(before);
    }
    void operation(board&) override { memory_.deallocate(block_); }

protected:
    void inspect() override {
        memory_.deallocate(behind_);
        destroy_if_there("old");
        check_room(1);  // the victim's, if it had not begun
    }

private:
    void* block_ = nullptr;
    void* behind_ = nullptr;
};

/// The last one died inside the directory: the victim repairs it.
template <class Operation>
class repair_then : public Operation {
public:
    using Operation::Operation;
    void prepare(stage& on) override {
        Operation::prepare(on);
        support::child dies_while_constructing(
            [this, &on] { this->memory_.template construct<dies>("never", on.shared()); });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the predecessor did not come");
        dies_while_constructing.kill();
    }
    void warm_up(board&) override {
        // A seat, but no look at the directory: the operation is to find it in need of repair.
        other_ = std::make_unique<process_shared::segment>(process_shared::segment::anonymous(4096));
        other_->construct<page_of_text>("other", 1u);
    }

protected:
    void survive() override {
        support::check(!this->check_whole_or_absent("never", 0), "half an object is there");
        Operation::survive();
    }

private:
    struct dies {
        explicit dies(board& shared) {
            shared.stands = 1;
            for (;;) pause();
        }
        page_of_text text;
    };
    std::unique_ptr<process_shared::segment> other_;
};

}  // namespace death
