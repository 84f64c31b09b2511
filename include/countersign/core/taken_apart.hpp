// For JSON on the way of what must survive want of memory: nlohmann's destructor asks for memory to take nested values
// apart, is noexcept, and so ends the program where there is none. Taken apart from its leaves a value needs none.
#pragma once

namespace countersign {

// Empties arrays and objects, innermost first. Deep values need as much stack: for what we wrote or bounded ourselves.
template <class Json>
void take_apart(Json& value) noexcept {
    if (!value.is_structured()) return;
    for (auto& child : value) take_apart(child);
    value.clear();
}

// Does so at the end of a scope; declared right after the value, which must outlive it.
template <class Json>
class TakenApart {
public:
    explicit TakenApart(Json& value) : value_(value) {}
    ~TakenApart() { take_apart(value_); }
    TakenApart(const TakenApart&) = delete;
    TakenApart& operator=(const TakenApart&) = delete;

private:
    Json& value_;
};

}  // namespace countersign
