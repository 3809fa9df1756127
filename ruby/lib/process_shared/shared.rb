# frozen_string_literal: true

module ProcessShared
  # `open` for classes whose objects are closed.
  module OpenWithSelf
    # As new. With a block: calls it with the object, closes the object, and returns what the block did.
    def open(*arguments, **options)
      made = new(*arguments, **options)
      return made unless block_given?

      begin
        yield made
      ensure
        made.close
      end
    end
  end

  # For objects of which a copy would be the same, and be closed with it.
  module OnlyOne
    # @raise [TypeError] always
    def initialize_copy(_other)
      raise TypeError, "#{self.class} cannot be copied: make another one, or open it by its name"
    end

    # @raise [TypeError] always
    def marshal_dump
      raise TypeError, "#{self.class} cannot be marshalled: inherit it by fork, or open it by its name"
    end
  end

  # @private
  module Whole
    # An Integer; rounded towards zero, as Ruby does with indexes.
    # @raise [TypeError]
    def self.of(number)
      raise TypeError, "a number is expected, not #{number.inspect}" unless number.is_a?(Numeric)

      number.to_i
    end
  end
  private_constant :Whole

  # What all that synchronizes has in common: where it lies, and its end.
  #
  # An object lies in memory of this process that forked children share; or, with `name: '/segment'`,
  # `name: '/segment/object'` or `segment: a_segment, name: 'object'`, in a segment that any process (of the same user,
  # unless `mode:` says otherwise) can open.
  #
  # Closing one, and collecting it, ends this process's use. Other processes that have it keep it.
  class Shared
    extend OpenWithSelf
    include OnlyOne

    # @!method close
    #   Ends this process's use of it; again is fine.
    #   @return [nil]

    # @!method closed?
    #   @return [Boolean]
  end
end
