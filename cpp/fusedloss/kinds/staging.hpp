// Brings any array into a block buffer of the arithmetic's type and results back out: conversion, strides, constants.
//
// A kernel sees contiguous groups of one type only. Whatever does not look like that is copied here, a block (4 KB) at
// a time, in the first-level cache; this keeps types, strides, weights and masks out of the kernels' template
// arguments.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "../core/call.hpp"
#include "../core/half.hpp"
#include "../core/lanes.hpp"

// Shared by all kernels of a file: one copy is enough, a call a block costs nothing.
#define FUSEDLOSS_SHARED inline __attribute__((noinline))

FUSEDLOSS_BEGIN

template <class T>
constexpr abi::DType dtype_of = sizeof(T) == 4 ? abi::float32 : abi::float64;

/// Calls `run(offset, first, count)` for each stretch of items [first, first + count) along the innermost axis,
/// `offset` bytes from the array's start and `strides[axes - 1]` apart.
template <class RunBody>
FUSEDLOSS_INLINE void for_each_run(const abi::Items& items, const std::int64_t* strides, std::int64_t start, int count,
                                   const RunBody& run) {
  const int inner = items.axes - 1;
  std::int64_t index[abi::max_axes];
  std::int64_t offset = 0;
  std::int64_t rest = start;
  for (int axis = inner; axis >= 0; --axis) {
    index[axis] = rest % items.shape[axis];
    rest /= items.shape[axis];
    offset += index[axis] * strides[axis];
  }
  int done = 0;
  while (true) {
    const std::int64_t left = items.shape[inner] - index[inner];
    const int length = left < count - done ? static_cast<int>(left) : count - done;
    run(offset, done, length);
    done += length;
    if (done >= count) return;
    offset -= index[inner] * strides[inner];
    index[inner] = 0;
    for (int axis = inner - 1; axis >= 0; --axis) {
      offset += strides[axis];
      if (++index[axis] < items.shape[axis]) break;
      offset -= items.shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
}

template <class Stored>
FUSEDLOSS_INLINE Stored load(const char* at) {
  Stored value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T, class Stored>
FUSEDLOSS_INLINE T to_arithmetic(Stored value) {
  if constexpr (std::is_same_v<Stored, Float16> || std::is_same_v<Stored, BFloat16>) {
    return static_cast<T>(widen(value));
  } else if constexpr (std::is_same_v<Stored, std::uint64_t> && std::is_same_v<T, std::int64_t>) {
    return value > INT64_MAX ? INT64_MAX : static_cast<T>(value);  // wrapped, it might look like a label
  } else {
    return static_cast<T>(value);
  }
}

template <class Stored, class T>
FUSEDLOSS_INLINE Stored to_stored(T value) {
  if constexpr (std::is_same_v<Stored, Float16> || std::is_same_v<Stored, BFloat16>) {
    Stored half;
    narrow(static_cast<float>(value), half);
    return half;
  } else {
    return static_cast<Stored>(value);
  }
}

/// `count` elements, `stride` bytes apart.
template <class Stored, class T>
FUSEDLOSS_SHARED void load_run(const char* from, std::int64_t stride, T* to, int count) {
  if (stride == static_cast<std::int64_t>(sizeof(Stored))) {
    FUSEDLOSS_SIMD
    for (int i = 0; i < count; ++i) to[i] = to_arithmetic<T>(load<Stored>(from + i * sizeof(Stored)));
  } else {
    for (int i = 0; i < count; ++i) to[i] = to_arithmetic<T>(load<Stored>(from + i * stride));
  }
}

template <class Stored, class T>
FUSEDLOSS_SHARED void store_run(const T* from, char* to, std::int64_t stride, int count) {
  if (stride == static_cast<std::int64_t>(sizeof(Stored))) {
    FUSEDLOSS_SIMD
    for (int i = 0; i < count; ++i) {
      const Stored value = to_stored<Stored>(from[i]);
      std::memcpy(to + i * sizeof(Stored), &value, sizeof value);
    }
  } else {
    for (int i = 0; i < count; ++i) {
      const Stored value = to_stored<Stored>(from[i]);
      std::memcpy(to + i * stride, &value, sizeof value);
    }
  }
}

/// Loads a stretch of any type. T is the arithmetic's type, or int64 for labels.
template <class T>
FUSEDLOSS_SHARED void load_any(abi::DType dtype, const char* from, std::int64_t stride, T* to, int count) {
  switch (dtype) {
    case abi::boolean:
    case abi::uint8:
      return load_run<std::uint8_t>(from, stride, to, count);
    case abi::int8:
      return load_run<std::int8_t>(from, stride, to, count);
    case abi::int16:
      return load_run<std::int16_t>(from, stride, to, count);
    case abi::int32:
      return load_run<std::int32_t>(from, stride, to, count);
    case abi::int64:
      return load_run<std::int64_t>(from, stride, to, count);
    case abi::uint16:
      return load_run<std::uint16_t>(from, stride, to, count);
    case abi::uint32:
      return load_run<std::uint32_t>(from, stride, to, count);
    case abi::uint64:
      return load_run<std::uint64_t>(from, stride, to, count);
    default:
      break;
  }
  if constexpr (!std::is_integral_v<T>) {
    switch (dtype) {
      case abi::float16:
        return load_run<Float16>(from, stride, to, count);
      case abi::bfloat16:
        return load_run<BFloat16>(from, stride, to, count);
      case abi::float32:
        return load_run<float>(from, stride, to, count);
      case abi::float64:
        return load_run<double>(from, stride, to, count);
      default:
        break;
    }
  }
}

/// Stores a stretch in any floating type.
template <class T>
FUSEDLOSS_SHARED void store_any(abi::DType dtype, const T* from, char* to, std::int64_t stride, int count) {
  switch (dtype) {
    case abi::float16:
      return store_run<Float16>(from, to, stride, count);
    case abi::bfloat16:
      return store_run<BFloat16>(from, to, stride, count);
    case abi::float32:
      return store_run<float>(from, to, stride, count);
    default:
      return store_run<double>(from, to, stride, count);
  }
}

/// Items [start, start + count) of an array that is there.
template <class T>
FUSEDLOSS_SHARED void stage(const abi::Array& array, const abi::Items& items, std::int64_t start, int count, T* to) {
  const std::int64_t step = array.layout == abi::constant ? 0 : array.strides[items.axes - 1];
  if (array.layout == abi::constant) return load_any(array.dtype, static_cast<const char*>(array.data), 0, to, count);
  for_each_run(items, array.strides, start, count, [&](std::int64_t offset, int first, int length) {
    load_any(array.dtype, static_cast<const char*>(array.data) + offset, step, to + first, length);
  });
}

/// The way back.
template <class T>
FUSEDLOSS_SHARED void unstage(const T* from, const abi::Array& array, const abi::Items& items, std::int64_t start,
                              int count) {
  const std::int64_t step = array.strides[items.axes - 1];
  for_each_run(items, array.strides, start, count, [&](std::int64_t offset, int first, int length) {
    store_any(array.dtype, from + first, static_cast<char*>(array.data) + offset, step, length);
  });
}

/// Adds to what the array holds; a block at most.
template <class T>
FUSEDLOSS_SHARED void unstage_sum(const T* from, const abi::Array& array, const abi::Items& items, std::int64_t start,
                                  int count) {
  T sum[block_size<T>];
  stage(array, items, start, count, sum);
  FUSEDLOSS_SIMD
  for (int i = 0; i < count; ++i) sum[i] += from[i];
  unstage(sum, array, items, start, count);
}

/// Whether a kernel can read or write the array where it lies.
template <class T>
FUSEDLOSS_INLINE bool in_place(const abi::Array& array) {
  return array.layout == abi::contiguous && array.dtype == dtype_of<T>;
}

FUSEDLOSS_END
